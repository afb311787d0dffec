import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { newCredential } from '#src/accounts/credentials.ts'
import { type Principal, visibleTo } from '#src/accounts/principal.ts'
import { addressSubject, type RateLimiter } from '#src/accounts/rate-limit.ts'
import { actingFor, findAccount } from '#src/accounts/store.ts'
import { createAppToken, type Rights } from '#src/accounts/tokens.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { settingsOf } from '#src/adapters/http/idempotency.ts'
import { insufficientAccess } from '#src/adapters/http/management.ts'
import { described } from '#src/adapters/http/operation.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { DomainError, invalidInput, notFound } from '#src/domain-error.ts'
import {
  CliLoginDecisionIn,
  CliLoginIn,
  CliLoginOut,
  CliLoginPollIn,
  CliLoginPollOut,
  CliLoginRequestOut,
} from './answer-schemas.ts'
import {
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

type PortalPrincipal = Extract<Principal, { kind: 'app' | 'access' }> & { portalSessionId: string }

/**
 * Signing a device in without giving it a credential by hand: it shows a code, a person who is signed in to the portal approves it.
 * Source: RFC 8628, cli-receiver-docs 1.
 */
export function registerCliLoginRoutes(routes: FastifyInstance, parts: CliLoginParts): void {
  const { api, limiter, clock, publicUrl } = parts

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
      const { environment, accountId: id, rights } = answer
      for (const [name, value] of Object.entries(visibleTo(environment, id)))
        await tx.query`select set_config(${name}, ${value}, true)`
      const account = await actingFor(tx, id, () => findAccount(tx, environment, id))
      if (!account) throw notFound()
      const expiresAt = addMs(now, TOKEN_MS)
      const token = await createAppToken(tx, parts, { id, environment }, rights, expiresAt)
      const { uid, name } = account
      return { status: answer.status, token, environment, account: { id, uid, name }, expiresAt }
    })
  })

  const decided = { config: { access: 'ViewBase' } } as const
  const read = described(decided, {
    id: 'v1.cli-login.get',
    summary: 'Read a sign-in that waits for a decision',
    description: "With a token of the portal's session.",
    query: CodeQuery,
    answers: { 200: CliLoginRequestOut },
  })
  routes.get('/app/:app_id/cli-login', read, async (request) => {
    const { userCode } = queryOf(request, CodeQuery)
    const principal = await personOf(request)
    const login = await waiting(request, userCode)
    return { ...login, capabilities: [...principal.capabilities] }
  })

  const decide = described(decided, {
    id: 'v1.cli-login.decide',
    summary: 'Approve or refuse a sign-in',
    description:
      "With a token of the portal's session; the device gets the session's rights in this account, for 30 days.",
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
      (await api.transaction({ settings: settingsOf(request) }, (tx) =>
        decideLogin(tx, userCode, { approve, account, rights: rightsOf(principal) }, clock.now()),
      ))
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
  return principal.kind === 'app' && principal.portalSessionId !== null
}

function rightsOf({ scopes, capabilities, featureFlags, sessionId }: PortalPrincipal): Rights {
  return { scopes: [...scopes], capabilities: [...capabilities], featureFlags: [...featureFlags], sessionId }
}
