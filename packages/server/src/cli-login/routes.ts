import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { newCredential } from '#src/accounts/credentials.ts'
import type { InternalAccounts } from '#src/accounts/internal-account.ts'
import { type Environment, isStaffRole, type Principal, visibleTo } from '#src/accounts/principal.ts'
import { addressSubject, type RateLimiter } from '#src/accounts/rate-limit.ts'
import { actingFor, findAccount } from '#src/accounts/store.ts'
import { createAppToken } from '#src/accounts/tokens.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { settingsOf } from '#src/adapters/http/idempotency.ts'
import { insufficientAccess } from '#src/adapters/http/management.ts'
import { described } from '#src/adapters/http/operation.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError, invalidInput, notFound } from '#src/domain-error.ts'
import { grantOf } from '#src/portal/role.ts'
import type { PortalSession } from '#src/portal/session.ts'
import { holdSession } from '#src/portal/session-store.ts'
import {
  CliLoginDecisionIn,
  CliLoginIn,
  CliLoginOut,
  CliLoginPollIn,
  CliLoginPollOut,
  CliLoginRequestOut,
} from './answer-schemas.ts'
import {
  type Approval,
  decideLogin,
  LOGIN_MS,
  type LoginRequest,
  newUserCode,
  parseUserCode,
  readLogin,
  spendLogin,
  startLogin,
} from './store.ts'

export type CliLoginParts = {
  api: Database
  limiter: RateLimiter
  clock: Clock
  ids: IdSource
  internal: Pick<InternalAccounts, 'of'>
  /** The service's own, without a slash at its end. */
  publicUrl: string
}

const CodeQuery = Type.Object({ userCode: CliLoginDecisionIn.properties.userCode })
/** How long what the device gets is good for. */
const TOKEN_MS = 30 * 86_400_000
const INTERVAL_SECONDS = 3
const STARTS_PER_MINUTE = 10
const POLLS_PER_MINUTE = 2 * (60 / INTERVAL_SECONDS)
/** Codes that one session tries: eight letters are few against many guesses. */
const CODES_PER_MINUTE = 10
const CODE_TRIES_MAX = 5

type PortalPrincipal = Exclude<Principal, { kind: 'environment_key' }> & { portalSessionId: string }

/**
 * Signing a device in without giving it a credential by hand: it shows a code, a person who is signed in to the portal approves it.
 * Source: RFC 8628, cli-receiver-docs 1.
 */
export function registerCliLoginRoutes(routes: FastifyInstance, parts: CliLoginParts): void {
  const { api, limiter, clock, internal, publicUrl } = parts

  async function take(subject: string, perMinute: number): Promise<void> {
    const { allowed, resetSeconds } = await limiter.take(subject, perMinute)
    if (!allowed) throw new DomainError('rate_limited', 'Too many requests.', { retryAfterSeconds: resetSeconds })
  }

  const open = { config: { access: 'none' } } as const
  const start = described(open, {
    id: 'v1.cli-login.create',
    summary: 'Ask for a sign-in that somebody approves in the portal',
    body: CliLoginIn,
    answers: { 201: CliLoginOut },
  })
  routes.post('/cli-login', start, async (request, reply) => {
    const { deviceName = null } = bodyOf(request, CliLoginIn)
    await take(`cli-login ${addressSubject(request.ip)}`, STARTS_PER_MINUTE)
    const now = clock.now()
    const deviceCode = newCredential('cl_')
    for (let tries = 0; tries < CODE_TRIES_MAX; tries += 1) {
      const userCode = newUserCode()
      if (!(await startLogin(api, { deviceCode, userCode, deviceName }, now))) continue
      const verificationUrl = `${publicUrl}/portal/cli-login?code=${userCode}`
      const expiresAt = addMs(now, LOGIN_MS)
      return await reply
        .code(201)
        .send({ deviceCode, userCode, verificationUrl, expiresAt, intervalSeconds: INTERVAL_SECONDS })
    }
    throw new DomainError('unavailable', 'Try again.', { retryAfterSeconds: 1 })
  })

  const poll = described(open, {
    id: 'v1.cli-login.token',
    summary: 'Ask whether somebody has decided, and get the token',
    description: 'A decision is told once; afterwards, and after ten minutes, the code is unknown (404).',
    body: CliLoginPollIn,
    answers: { 200: CliLoginPollOut },
    refusals: ['not_found'],
  })
  routes.post('/cli-login/token', poll, async (request) => {
    const { deviceCode } = bodyOf(request, CliLoginPollIn)
    await take(`cli-login ${deviceCode}`, POLLS_PER_MINUTE)
    return await api.transaction({}, async (tx) => {
      const now = clock.now()
      const answer = await spendLogin(tx, deviceCode, now)
      if (!answer) throw notFound()
      if (answer.status !== 'approved') return { status: answer.status }
      const { environment, accountId: id } = answer
      for (const [name, value] of Object.entries(visibleTo(environment, id)))
        await tx.query`select set_config(${name}, ${value}, true)`
      const account = await actingFor(tx, id, () => findAccount(tx, environment, id))
      if (!account) throw notFound()
      const { uid, name } = account
      const given = await (answer.staffSession === null
        ? tokenOfPerson(tx, { id, environment }, answer)
        : tokenOfStaff(tx, environment, answer.staffSession))
      return { status: answer.status, ...given, environment, account: { id, uid, name } }
    })
  })

  const decided = { config: { access: 'ViewBase' } } as const
  const read = described(decided, {
    id: 'v1.cli-login.get',
    summary: 'Read a sign-in that waits for a decision',
    description: "With a token of the portal's session, of the account or of staff.",
    query: CodeQuery,
    answers: { 200: CliLoginRequestOut },
  })
  routes.get('/app/:app_id/cli-login', read, async (request) => {
    const { userCode } = queryOf(request, CodeQuery)
    const principal = await personOf(request)
    const login = await waiting(request, userCode)
    const capabilities = principal.kind === 'staff' ? [] : [...principal.capabilities]
    return { ...login, capabilities, staff: principal.kind === 'staff' ? principal.role : null }
  })

  const decide = described(decided, {
    id: 'v1.cli-login.decide',
    summary: 'Approve or refuse a sign-in',
    description:
      "With a token of the portal's session. The device gets the person's rights in this account for 30 days, as they are at any moment; " +
      'of staff, what they may do in the environment, until their session ends.',
    body: CliLoginDecisionIn,
    answers: { 204: null },
  })
  routes.post('/app/:app_id/cli-login', decide, async (request, reply) => {
    const { userCode: text, approve } = bodyOf(request, CliLoginDecisionIn)
    const principal = await personOf(request)
    const { account } = request
    const userCode = parseUserCode(text)
    const isDecided =
      userCode !== undefined &&
      (await api.transaction({ settings: settingsOf(request) }, async (tx) => {
        const session = await sessionOf(tx, principal)
        if (!session) throw insufficientAccess()
        return await decideLogin(tx, userCode, { approve, account }, approvalOf(session), clock.now())
      }))
    if (!isDecided)
      throw invalidInput({ loc: ['body', 'userCode'], msg: 'names no sign-in that waits', type: 'value_error' })
    return await reply.code(204).send()
  })

  /** @throws DomainError forbidden: no person has signed in; rate_limited */
  async function personOf({ principal }: FastifyRequest): Promise<PortalPrincipal> {
    if (!isPerson(principal)) throw insufficientAccess()
    await take(`cli-login session ${principal.portalSessionId}`, CODES_PER_MINUTE)
    return principal
  }

  /** The session in which somebody decides, held: whoever ends or changes it finds what was decided. */
  async function sessionOf(tx: Queryable, principal: PortalPrincipal): Promise<PortalSession | undefined> {
    const accountId = principal.accountId ?? (await internal.of(principal.environment)).id
    const id = principal.portalSessionId
    return await actingFor(tx, accountId, () => holdSession(tx, { accountId, id }, clock.now()))
  }

  async function tokenOfPerson(
    tx: Queryable,
    account: { id: string; environment: Environment },
    { rights, person, role }: Approval,
  ) {
    const expiresAt = addMs(clock.now(), TOKEN_MS)
    const holder = { portalSessionId: null, person, role }
    return { token: await createAppToken(tx, parts, account, rights, expiresAt, holder), expiresAt }
  }

  async function tokenOfStaff(tx: Queryable, environment: Environment, id: string) {
    const { id: accountId } = await internal.of(environment)
    return await actingFor(tx, accountId, async () => {
      const session = await holdSession(tx, { accountId, id }, clock.now())
      if (!session) throw notFound()
      const { rights } = approvalOf(session)
      const holder = { portalSessionId: id, isStaff: true }
      const expiresAt = session.endsAt
      return {
        token: await createAppToken(tx, parts, { id: accountId, environment }, rights, expiresAt, holder),
        expiresAt,
      }
    })
  }

  async function waiting(request: FastifyRequest, text: string): Promise<LoginRequest> {
    const userCode = parseUserCode(text)
    const login =
      userCode === undefined
        ? undefined
        : await api.transaction({ settings: settingsOf(request) }, (tx) => readLogin(tx, userCode, clock.now()))
    if (!login) throw notFound()
    return login
  }
}

function isPerson(principal: Principal): principal is PortalPrincipal {
  return principal.kind === 'staff' || (principal.kind === 'app' && principal.portalSessionId !== null)
}

/** What somebody gives who approves in this session. */
function approvalOf({ id, person, role, capabilities, featureFlags, sessionId }: PortalSession): Approval {
  const scopes = role === null ? [] : grantOf(role).scopes
  const rights = { scopes, capabilities, featureFlags, sessionId }
  if (isStaffRole(role)) return { rights, person: null, role: null, staffSession: id }
  return { rights, person, role, staffSession: null }
}
