import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Access } from '#src/accounts/access.ts'
import { visibleTo } from '#src/accounts/principal.ts'
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
import { endSession, extendSession, issueToken, openSession, readSession, sessionOfCookie } from './session-store.ts'

export type SessionParts = {
  api: Database
  access: Pick<Access, 'authenticate'>
  clock: Clock
  ids: IdSource
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
    const opened = await openSession(api, { clock, ids }, key, { embedded: embed })
    if (!opened) throw new DomainError('unauthenticated', 'This link cannot be used (any more).')
    const { session } = opened
    const answer = await answerOf(session)
    if (opened.cookie === null) return { ...answer, ...(await tokenOf(session)) }
    return await reply.header('set-cookie', cookie.set(opened.cookie, session.endsAt, clock.now())).send(answer)
  })

  const get = described(plain, {
    id: 'portal.session.get',
    summary: 'Read the session',
    answers: { 200: SessionOut },
  })
  routes.get('', get, async (request) => await answerOf(await sessionOf(request)))

  const extend = described(plain, {
    id: 'portal.session.extend',
    summary: 'Somebody is still there',
    body: NoBody,
    answers: { 200: SessionOut },
  })
  routes.post('/extend', extend, async (request) => {
    bodyOf(request, NoBody)
    const session = await sessionOf(request)
    const extended = await within(session, (tx) => extendSession(tx, session, clock.now()))
    if (!extended) throw ended()
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
    const session = await sessionOf(request)
    if (account !== undefined && account !== session.accountId) throw notFound()
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
    const session = await sessionOf(request)
    await within(session, (tx) => endSession(tx, session, { everywhere, now: clock.now() }))
    return await reply.code(204).header('set-cookie', cookie.clear()).send()
  })

  /** @throws DomainError unauthenticated, the same whatever is wrong */
  async function sessionOf({ headers }: FastifyRequest): Promise<PortalSession> {
    const bearer = bearerOf(headers.authorization)
    const session = await (bearer === undefined ? ofCookie(cookie.read(headers.cookie)) : ofBearer(bearer))
    if (!session) throw ended()
    return session
  }

  async function ofCookie(value: string | undefined): Promise<PortalSession | undefined> {
    return value === undefined ? undefined : await sessionOfCookie(api, value, clock.now())
  }

  async function ofBearer(bearer: string): Promise<PortalSession | undefined> {
    const principal = await access.authenticate(bearer)
    if (principal.kind !== 'app' || principal.portalSessionId === null) return undefined
    const { environment, accountId, portalSessionId: id } = principal
    return await within({ environment, accountId }, (tx) => readSession(tx, { accountId, id }, clock.now()))
  }

  async function tokenOf(session: PortalSession) {
    const issued = await within(session, (tx) => issueToken(tx, { clock, ids }, session))
    if (!issued) throw ended()
    return { token: issued.token, tokenExpiresAt: issued.expiresAt }
  }

  async function answerOf(session: PortalSession) {
    const account = await within(session, (tx) => findAccount(tx, session.environment, session.accountId))
    if (!account) throw ended()
    const { id, uid, name } = account
    const { role, capabilities, featureFlags } = session
    return {
      id: session.id,
      environment: session.environment,
      person: session.person,
      grants: [{ account: { id, uid, name }, role, capabilities, featureFlags }],
      createdAt: session.createdAt,
      idleEndsAt: session.idleEndsAt,
      endsAt: session.endsAt,
    }
  }
}

function ended(): DomainError {
  return new DomainError('unauthenticated', 'There is no session, or it has ended.')
}
