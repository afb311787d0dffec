import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Access } from '#src/accounts/access.ts'
import { InternalAccounts } from '#src/accounts/internal-account.ts'
import { isStaffRole, visibleTo, visitor } from '#src/accounts/principal.ts'
import { findAccount } from '#src/accounts/store.ts'
import type { Clock } from '#src/adapters/clock.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { described } from '#src/adapters/http/operation.ts'
import { bearerOf } from '#src/adapters/http/routes.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError, notFound } from '#src/domain-error.ts'
import { OpenedSessionOut, SessionOut, SessionTokenOut } from './answer-schemas.ts'
import { portalCookie } from './cookie.ts'
import type { PortalSession } from './session.ts'
import { endSession, extendSession, issueToken, openSession, readSession, sessionsOfCookie } from './session-store.ts'
import { lookOf, readLook } from './settings-store.ts'

export type SessionParts = {
  api: Database
  access: Pick<Access, 'authenticate'>
  clock: Clock
  ids: IdSource
  sendsMail: boolean
  /** The service's own, without a slash at its end. */
  publicUrl: string
}

const SignInBody = Type.Object(
  { key: Type.String({ description: 'Of the login link.' }), embed: Type.Optional(Type.Boolean()) },
  { title: 'PortalSignIn' },
)
const SignOutBody = Type.Object({ everywhere: Type.Optional(Type.Boolean()) }, { title: 'PortalSignOut' })
const TokenBody = Type.Object({ account: Type.Optional(Type.String()) }, { title: 'PortalTokenIn' })
const NoBody = Type.Object({}, { title: 'EmptyIn' })

/**
 * Signing in by a link, and what the session is good for: bearer tokens. A session is held by its cookie or, embedded, by the
 * last token it was given. Source: portal 1 and 2, reliability-security 12.
 */
export function registerSessionRoutes(routes: FastifyInstance, parts: SessionParts): void {
  const { api, access, clock, ids } = parts
  const cookie = portalCookie(parts.publicUrl)
  const internal = new InternalAccounts(api)

  async function within<T>(
    { environment, accountId }: Pick<PortalSession, 'environment' | 'accountId'>,
    work: (tx: Queryable) => Promise<T>,
  ): Promise<T> {
    return await api.transaction({ settings: visibleTo(environment, accountId) }, work)
  }

  const plain = { config: {} } as const
  const open = described(plain, {
    id: 'portal.session.open',
    summary: 'Sign in by the key of a login link',
    body: SignInBody,
    answers: { 200: OpenedSessionOut },
  })
  routes.post('', open, async (request, reply) => {
    const { key, embed = false } = bodyOf(request, SignInBody)
    const opened = await api.transaction({}, async (tx) => {
      const former = cookie.read(request.headers.cookie)
      const made = await openSession(tx, { clock, ids }, key, { embedded: embed, former })
      if (!made) throw new DomainError('unauthenticated', 'This link cannot be used (any more).')
      await see(tx, made.session)
      request.audit.say({ by: byOf(made.session), target: sessionTarget(made.session) })
      await request.audit.write(tx)
      return made
    })
    const { session } = opened
    if (opened.cookie === null) return { ...(await answerOf([session])), ...(await tokenOf(session)) }
    const answer = await answerOf(await sessionsOfCookie(api, opened.cookie, clock.now()))
    return await reply.header('set-cookie', cookie.set(opened.cookie, session.endsAt, clock.now())).send(answer)
  })

  const get = described(plain, {
    id: 'portal.session.get',
    summary: 'Read the session',
    answers: { 200: SessionOut },
  })
  routes.get('', get, async (request) => await answerOf(await sessionsOf(request)))

  const extend = described(plain, {
    id: 'portal.session.extend',
    summary: 'Somebody is still there',
    body: NoBody,
    answers: { 200: SessionOut },
  })
  routes.post('/extend', extend, async (request) => {
    bodyOf(request, NoBody)
    const extended: PortalSession[] = []
    for (const session of await sessionsOf(request)) {
      const longer = await within(session, (tx) => extendSession(tx, session, clock.now()))
      if (longer) extended.push(longer)
    }
    return await answerOf(extended)
  })

  const token = described(plain, {
    id: 'portal.session.token',
    summary: 'Get a bearer token for the APIs',
    body: TokenBody,
    answers: { 200: SessionTokenOut },
    refusals: ['not_found'],
  })
  routes.post('/token', token, async (request) => {
    const { account } = bodyOf(request, TokenBody)
    const [newest, ...others] = await sessionsOf(request)
    if (account === undefined) return await tokenOf(newest)
    const session = [newest, ...others].find(({ accountId, role }) => accountId === account && !isStaffRole(role))
    if (!session) throw notFound()
    return await tokenOf(session)
  })

  const close = described(plain, {
    id: 'portal.session.close',
    summary: 'Sign out',
    body: SignOutBody,
    answers: { 204: null },
  })
  routes.delete('', close, async (request, reply) => {
    const { everywhere = false } = bodyOf(request, SignOutBody)
    const [newest, ...others] = await sessionsOf(request)
    for (const session of others)
      await within(session, (tx) => endSession(tx, session, { everywhere, now: clock.now() }))
    await within(newest, async (tx) => {
      await endSession(tx, newest, { everywhere, now: clock.now() })
      request.audit.say({ by: byOf(newest), target: sessionTarget(newest), after: { everywhere } })
      await request.audit.write(tx)
    })
    return await reply.code(204).header('set-cookie', cookie.clear()).send()
  })

  /** @throws DomainError unauthenticated, the same whatever is wrong */
  async function sessionsOf({ headers }: FastifyRequest): Promise<[PortalSession, ...PortalSession[]]> {
    const bearer = bearerOf(headers.authorization)
    const [newest, ...others] = await (bearer === undefined ? ofCookie(cookie.read(headers.cookie)) : ofBearer(bearer))
    if (!newest) throw ended()
    return [newest, ...others]
  }

  async function ofCookie(value: string | undefined): Promise<PortalSession[]> {
    return value === undefined ? [] : await sessionsOfCookie(api, value, clock.now())
  }

  async function ofBearer(bearer: string): Promise<PortalSession[]> {
    const principal = await access.authenticate(bearer)
    if (principal.kind !== 'app' || principal.portalSessionId === null) return []
    const { environment, accountId, portalSessionId: id } = principal
    const session = await within({ environment, accountId }, (tx) => readSession(tx, { accountId, id }, clock.now()))
    return session ? [session] : []
  }

  async function tokenOf(session: PortalSession) {
    const issued = await within(session, (tx) => issueToken(tx, { clock, ids }, session))
    if (!issued) throw ended()
    return { token: issued.token, tokenExpiresAt: issued.expiresAt }
  }

  /** What the sessions of a visitor come to: one grant for each account, or what staff are. */
  async function answerOf(sessions: readonly PortalSession[]) {
    const [newest] = sessions
    if (!newest) throw ended()
    const grants = await Promise.all(sessions.filter(({ role }) => !isStaffRole(role)).map(grantOfSession))
    return {
      id: newest.id,
      environment: newest.environment,
      person: newest.person,
      staff: isStaffRole(newest.role) ? newest.role : null,
      grants: grants.filter((grant) => grant !== null),
      createdAt: newest.createdAt,
      idleEndsAt: earliest(sessions.map(({ idleEndsAt }) => idleEndsAt)),
      endsAt: earliest(sessions.map(({ endsAt }) => endsAt)),
      sendsMail: parts.sendsMail,
    }
  }

  async function grantOfSession(session: PortalSession) {
    const operatorsId = (await internal.of(session.environment)).id
    return await within(session, async (tx) => {
      const account = await findAccount(tx, session.environment, session.accountId)
      if (!account) return null
      const { id, uid, name } = account
      const { role, capabilities, featureFlags } = session
      const { own, operators } = await readLook(tx, { accountId: id, operatorsId })
      const look = lookOf(own, operators)
      return { account: { id, uid, name }, role, capabilities, featureFlags, timeZone: own.timeZone, look }
    })
  }
}

/** Lets the rest of a transaction see what the session is in. */
async function see(tx: Queryable, { environment, accountId }: PortalSession): Promise<void> {
  const settings = visibleTo(environment, accountId)
  await tx.query`
    select set_config(name, value, true)
      from unnest(${Object.keys(settings)}::text[], ${Object.values(settings)}::text[]) as setting (name, value)`
}

/** Whose line of the audit it is; no token says so here. */
function byOf(session: PortalSession) {
  return { environment: session.environment, accountId: session.accountId, actor: visitor(session.id, session) }
}

function sessionTarget({ id }: PortalSession) {
  return { kind: 'session', id }
}

function earliest(moments: readonly Date[]): Date {
  return new Date(Math.min(...moments.map((moment) => moment.getTime())))
}

function ended(): DomainError {
  return new DomainError('unauthenticated', 'There is no session, or it has ended.')
}
