import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Access } from '#src/accounts/access.ts'
import { actingFor } from '#src/accounts/store.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { recorded } from '#src/adapters/http/audit-note.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { type Idempotency, settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { pageParameters, parsePage, toPage } from '#src/adapters/http/pages.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import { pathValue } from '#src/adapters/http/routes.ts'
import { oneOf, plainText } from '#src/adapters/http/schema.ts'
import { type IdSource, isId } from '#src/adapters/ids.ts'
import type { Mailer } from '#src/adapters/mail/mail.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { notFound } from '#src/domain-error.ts'
import { LINK_SECONDS_MAX, LINK_STATES, loginUrl } from '#src/portal/link.ts'
import { createLink, type EnvironmentLink, findLink, listEnvironmentLinks, revokeLink } from '#src/portal/link-store.ts'
import { answerLink, refuseUnmailable } from '#src/portal/mail-link.ts'
import { mailWish } from '#src/portal/people-bodies.ts'
import { LoginLinkOut } from '#src/portal/people-schemas.ts'
import { grantOf, ROLES } from '#src/portal/role.ts'
import { ACCOUNT_HEALTH, EnvAccountPage, EnvHealthOut, EnvLoginLinkPage } from './answer-schemas.ts'
import { findAccounts, readWork } from './env-account-store.ts'
import type { HealthReport } from './health-report.ts'

export type EnvParts = {
  api: Database
  lists: Database
  /** Role `updates`. */
  updates: Database
  access: Pick<Access, 'accountOf'>
  clock: Clock
  ids: IdSource
  idempotency: Idempotency
  health: Pick<HealthReport, 'of'>
  mailer: Mailer | null
  /** The service's own, without a slash at its end. */
  publicUrl: string
}

const LINK_PREFIX = 'link_'
const HOUR_MS = 3_600_000
const HOURS_MAX = LINK_SECONDS_MAX / 3_600
const LIST_MS_MAX = 10_000

/** To everybody but staff and environment keys, these are not there. */
const toOthers = { refusals: ['not_found'] } as const
const accountQuery = Type.Object({
  q: Type.Optional(plainText(256, 1)),
  health: Type.Optional(oneOf(ACCOUNT_HEALTH)),
  ...pageParameters,
})
const linkQuery = Type.Object({
  account: Type.Optional(plainText(256, 1)),
  state: Type.Optional(oneOf(LINK_STATES)),
  ...pageParameters,
})
const linkBody = Type.Object(
  {
    account: Type.String({ minLength: 1, maxLength: 256, description: 'Its id or uid.' }),
    person: plainText(256, 1),
    role: oneOf(ROLES),
    hours: Type.Optional(Type.Integer({ minimum: 1, maximum: HOURS_MAX, description: 'Default: a week.' })),
    mail: mailWish,
  },
  { title: 'EnvLoginLinkIn' },
)

declare module 'fastify' {
  interface FastifyRequest {
    /** The link named by `:link_id`. */
    loginLink: EnvironmentLink
  }
}

/** What the operator's staff see of their environment, and how they let people in. Source: portal 2, O1, O3, O5. */
export function registerEnvRoutes(routes: FastifyInstance, parts: EnvParts): void {
  const { api, lists, updates, access, clock, ids, idempotency, health, mailer, publicUrl } = parts
  routes.decorateRequest('loginLink')
  const ofStaff = { config: { access: 'staff' } } as const

  const accounts = described(ofStaff, {
    id: 'v1.env.account.list',
    summary: 'Find accounts of the environment, and how they are',
    query: accountQuery,
    answers: { 200: EnvAccountPage },
    ...toOthers,
  })
  routes.get('/env/account', accounts, async (request) => {
    const query = queryOf(request, accountQuery)
    const page = parsePage(query, { isKey: (text) => isId(text, 'app_') })
    const { environment } = request.principal
    const options = { settings: settingsOf(request), readOnly: true, timeoutMs: LIST_MS_MAX }
    const found = await lists.transaction(options, (tx) => findAccounts(tx, environment, query, page))
    const work = await readWork(
      updates,
      found.map(({ id }) => id),
    )
    const idle = { producers: 0, waiting: { count: 0, capped: false }, lastSignalAt: null }
    return toPage(
      page,
      found,
      (account) => ({ ...account, ...(work.get(account.id) ?? idle) }),
      ({ id }) => id,
    )
  })

  const links = described(ofStaff, {
    id: 'v1.env.login-link.list',
    summary: 'List login links, newest first, without their keys',
    query: linkQuery,
    answers: { 200: EnvLoginLinkPage },
    ...toOthers,
  })
  routes.get('/env/login-link', links, async (request) => {
    const { account, state, ...query } = queryOf(request, linkQuery)
    const page = parsePage(query, { isKey: (text) => isId(text, LINK_PREFIX) })
    const { environment } = request.principal
    const accountId = account === undefined ? null : (await access.accountOf(request.principal, account)).id
    const wanted = { environment, accountId, state: state ?? null, now: clock.now() }
    const found = await lists.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
      listEnvironmentLinks(tx, wanted, page),
    )
    return toPage(
      page,
      found,
      (link) => link,
      ({ id }) => id,
    )
  })

  const create = described({ config: { access: 'staff', answersSecret: true } } as const, {
    id: 'v1.env.login-link.create',
    summary: 'Let somebody into the portal of an account',
    description:
      'The link works once and is shown this once. It ends the unused ones of that person, who is a member of the account with this role from then on.',
    body: linkBody,
    answers: { 201: LoginLinkOut },
    refusals: ['not_found', 'conflict'],
  })
  routes.post('/env/login-link', create, async (request, reply) => {
    const { account: name, person, role, hours = HOURS_MAX, mail = false } = bodyOf(request, linkBody)
    const account = await access.accountOf(request.principal, name)
    refuseUnmailable(mail, person, mailer !== null)
    const made = await idempotency.once(request, reply, async (tx) => {
      const expiresAt = addMs(clock.now(), hours * HOUR_MS)
      const rights = { capabilities: grantOf(role).capabilities, featureFlags: [], sessionId: null }
      const link = { person, role, rights, expiresAt, sessionsEndAt: null }
      const { id, key } = await actingFor(tx, account.id, () => createLink(tx, { clock, ids }, account, link))
      const after = { person, role, expiresAt }
      request.audit.say({ accountId: account.id, target: { kind: 'link', id }, after })
      return { status: 201, answer: { id, url: loginUrl(publicUrl, key), ...after } }
    })
    return await answerLink(reply, made, mail ? mailer : null)
  })

  const find = async (request: FastifyRequest) => {
    const id = pathValue(request, 'link_id') ?? ''
    const { environment } = request.principal
    const link =
      isId(id, LINK_PREFIX) &&
      (await api.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
        findLink(tx, environment, id, clock.now()),
      ))
    if (!link) throw notFound()
    request.loginLink = link
  }
  const revoke = described({ config: { access: 'staff', find } } as const, {
    id: 'v1.env.login-link.delete',
    summary: 'Revoke a login link, and end the session made from it',
    answers: { 204: null },
  })
  routes.delete('/env/login-link/:link_id', revoke, async (request, reply) => {
    const { id, account, person, role } = request.loginLink
    await recorded(api, request, async (tx) => {
      if (!(await revokeLink(tx, request.principal.environment, id, clock.now()))) throw notFound()
      request.audit.say({ ...(account ? { accountId: account.id } : {}), before: { person, role } })
    })
    return await reply.code(204).send()
  })

  const report = described(ofStaff, {
    id: 'v1.env.health',
    summary: 'How the service is: workers, what waits, jobs, database',
    answers: { 200: EnvHealthOut },
    ...toOthers,
  })
  routes.get('/env/health', report, async ({ principal }) => await health.of(principal.environment))
}
