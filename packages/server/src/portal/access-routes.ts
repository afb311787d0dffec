import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Access } from '#src/accounts/access.ts'
import { findOrMakeAccount, findUnlessUid, namesApplication } from '#src/accounts/on-the-fly.ts'
import type { Account } from '#src/accounts/principal.ts'
import { type AccountParts, actingFor } from '#src/accounts/store.ts'
import { createAppToken } from '#src/accounts/tokens.ts'
import { addMs } from '#src/adapters/clock.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import type { Idempotency } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { pathValue } from '#src/adapters/http/routes.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { accessBody, expireBody, toGrant, wholeAccessBody } from './access-body.ts'
import { AppPortalAccessOut } from './answer-schemas.ts'
import { loginUrl } from './link.ts'
import { createLink, expireAll } from './link-store.ts'

export type AccessParts = AccountParts & {
  access: Pick<Access, 'accountOf'>
  idempotency: Idempotency
  /** The service's own, without a slash at its end. */
  publicUrl: string
}

const NoBody = Type.Object({}, { title: 'EmptyIn' })

/** What an environment's operator gives to the people of an account, and takes back: webhook-api 2.2. */
export function registerAccessRoutes(routes: FastifyInstance, parts: AccessParts): void {
  const { access, clock, idempotency, publicUrl } = parts

  /** Makes a token and a link of equal rights and life. An `Idempotency-Key` keeps no answer here: it holds the token. */
  async function give(
    request: FastifyRequest,
    reply: FastifyReply,
    { rights, seconds }: ReturnType<typeof toGrant>,
    accountOf: (tx: Queryable) => Promise<Account>,
  ): Promise<FastifyReply> {
    return await idempotency.run(request, reply, async (tx) => {
      const account = await accountOf(tx)
      const expiresAt = addMs(clock.now(), seconds * 1000)
      return await actingFor(tx, account.id, async () => {
        const token = await createAppToken(tx, parts, account, { ...rights, scopes: [] }, expiresAt)
        const link = { person: null, role: null, rights, expiresAt, sessionsEndAt: expiresAt }
        const { key } = await createLink(tx, parts, account, link)
        return { status: 200, answer: { url: loginUrl(publicUrl, key), token } }
      })
    })
  }

  const find = findUnlessUid(access)
  const grant = described(
    { config: { access: 'environment_key', accountMayBeMissing: true, find } },
    {
      id: 'v1.authentication.app-portal-access',
      summary: 'Give an app token and a login link',
      body: wholeAccessBody,
      answers: { 200: AppPortalAccessOut },
      refusals: ['conflict'],
    },
  )
  routes.post('/auth/app-portal-access/:app_id', grant, async (request, reply) => {
    const { principal, scanned } = request
    const idOrUid = pathValue(request, 'app_id') ?? ''
    if (!namesApplication(scanned)) request.account = await access.accountOf(principal, idOrUid)
    const granted = toGrant(bodyOf(request, accessBody, { raw: ['application'] }))
    const wanted = { environment: principal.environment, idOrUid, scanned }
    return await give(request, reply, granted, async (tx) => (await findOrMakeAccount(tx, parts, wanted)).account)
  })

  const operated = { config: { access: 'environment_key' } } as const
  const dashboard = described(operated, {
    id: 'v1.authentication.dashboard-access',
    summary: 'The same without fields, as older SDKs ask for it',
    body: NoBody,
    answers: { 200: AppPortalAccessOut },
  })
  routes.post('/auth/dashboard-access/:app_id', dashboard, async (request, reply) => {
    return await give(request, reply, toGrant(bodyOf(request, NoBody)), async () => request.account)
  })

  const expire = described(operated, {
    id: 'v1.authentication.expire-all',
    summary: 'End the app tokens, links and sessions of an application',
    body: expireBody,
    answers: { 204: null },
  })
  routes.post('/auth/app/:app_id/expire-all', expire, async (request, reply) => {
    const { expiry, sessionIds } = bodyOf(request, expireBody)
    const { account } = request
    return await idempotency.run(request, reply, async (tx) => {
      const now = clock.now()
      const at = addMs(now, (expiry ?? 0) * 1000)
      await expireAll(tx, account.id, sessionIds?.length ? sessionIds : null, { at, now })
      return { status: 204 }
    })
  })
}
