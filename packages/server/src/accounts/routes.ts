import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { recorded } from '#src/adapters/http/audit-note.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { type Idempotency, settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { pageParameters, parsePage, toPage } from '#src/adapters/http/pages.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import { isId } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { invalidInput, notFound } from '#src/domain-error.ts'
import type { Access } from './access.ts'
import { isUid } from './account.ts'
import { ApplicationOut, ApplicationPage } from './answer-schemas.ts'
import { applicationBody, applicationPatchBody, toAnswer, toChanges, toNew, toReplacement } from './body.ts'
import { findUnlessUid } from './on-the-fly.ts'
import type { Account, Environment } from './principal.ts'
import {
  type AccountParts,
  changeAccount,
  createAccount,
  type EndedLane,
  endAccount,
  findAccount,
  findOrCreateAccount,
  listAccounts,
  uidTaken,
} from './store.ts'

export type AppParts = AccountParts & {
  api: Database
  access: Pick<Access, 'accountOf'>
  idempotency: Idempotency
  /** Called with the lanes of a deleted account once that is committed: `Waker.lanes`. */
  wakeLanes: (lanes: readonly EndedLane[]) => void
  /** Tells operators of endpoints that end with their account. @returns where that is to be delivered */
  announceDeleted: (tx: Queryable, endpoints: readonly EndedLane[]) => Promise<readonly EndedLane[]>
}

const operator = { config: { access: 'environment_key' } } as const

const listQuery = Type.Object({
  ...pageParameters,
  exclude_apps_with_no_endpoints: Type.Optional(Type.Boolean()),
  exclude_apps_with_disabled_endpoints: Type.Optional(Type.Boolean()),
})
const createQuery = Type.Object({ get_if_exists: Type.Optional(Type.Boolean()) })
const PUT_TRIES_MAX = 3

/** Accounts as applications of the management API: `/app` and `/app/:app_id` (webhook-api 8, 9.1). */
export function registerAppRoutes(routes: FastifyInstance, parts: AppParts): void {
  const { api, clock, idempotency } = parts

  const list = described(operator, {
    id: 'v1.application.list',
    summary: 'List applications',
    query: listQuery,
    answers: { 200: ApplicationPage },
  })
  routes.get('/app', list, async (request) => {
    const query = queryOf(request, listQuery)
    const page = parsePage(query, { isKey: (text) => isId(text, 'app_'), order: 'ascending' })
    const { environment } = request.principal
    const rows = await api.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
      listAccounts(tx, {
        environment,
        page,
        withEndpoints: query.exclude_apps_with_no_endpoints,
        notOnlyDisabled: query.exclude_apps_with_disabled_endpoints,
      }),
    )
    return toPage(page, rows, toAnswer, (account) => account.id)
  })

  const create = described(operator, {
    id: 'v1.application.create',
    summary: 'Create an application',
    query: createQuery,
    body: applicationBody,
    answers: { 200: ApplicationOut, 201: ApplicationOut },
    refusals: ['conflict'],
  })
  routes.post('/app', create, async (request, reply) => {
    const { get_if_exists: mayExist = false } = queryOf(request, createQuery)
    const input = { ...toNew(bodyOf(request, applicationBody)), environment: request.principal.environment }
    return await idempotency.run(request, reply, async (tx) => {
      const { account, isNew } = await findOrCreateAccount(tx, parts, input)
      if (!isNew && !mayExist) throw uidTaken()
      request.audit.say({ ...ofAccount(account), after: isNew ? toAnswer(account) : null })
      return { status: isNew ? 201 : 200, answer: toAnswer(account) }
    })
  })

  const get = { id: 'v1.application.get', summary: 'Read an application', answers: { 200: ApplicationOut } }
  routes.get('/app/:app_id', described({ config: { access: 'ViewBase' } }, get), ({ account }) => toAnswer(account))

  routes.put<{ Params: { app_id: string } }>(
    '/app/:app_id',
    described(
      { config: { access: 'environment_key', accountMayBeMissing: true, find: findUnlessUid(parts.access) } },
      {
        id: 'v1.application.upsert',
        summary: 'Create or replace an application',
        body: applicationBody,
        answers: { 200: ApplicationOut, 201: ApplicationOut },
        refusals: ['conflict'],
      },
    ),
    async (request, reply) => {
      const { environment } = request.principal
      const name = request.params.app_id
      const { account, isNew } = await recorded(api, request, async (tx) => {
        for (let tries = 0; tries < PUT_TRIES_MAX; tries += 1) {
          const found = await find(tx, environment, name)
          if (found) {
            const body = bodyOf(request, applicationBody, { current: toAnswer(found) })
            const changed = await changeAccount(tx, found, toReplacement(body), clock.now())
            if (changed) {
              request.audit.say({ ...ofAccount(changed), before: toAnswer(found), after: toAnswer(changed) })
              return { account: changed, isNew: false }
            }
          } else {
            const fields = toNew(bodyOf(request, applicationBody))
            const made = await createAccount(tx, parts, { ...fields, environment, uid: uidOfPath(name, fields.uid) })
            if (made) {
              request.audit.say({ ...ofAccount(made), after: toAnswer(made) })
              return { account: made, isNew: true }
            }
          }
          // made or deleted by somebody else in between
        }
        throw uidTaken()
      })
      return await reply.code(isNew ? 201 : 200).send(toAnswer(account))
    },
  )

  const patch = described(operator, {
    id: 'v1.application.patch',
    summary: 'Change an application',
    body: applicationPatchBody,
    answers: { 200: ApplicationOut },
    refusals: ['conflict'],
  })
  routes.patch('/app/:app_id', patch, async (request) => {
    const { account } = request
    const changes = toChanges(bodyOf(request, applicationPatchBody, { current: toAnswer(account) }))
    return await recorded(api, request, async (tx) => {
      const changed = await changeAccount(tx, account, changes, clock.now())
      if (!changed) throw notFound()
      request.audit.say({ ...ofAccount(account), before: toAnswer(account), after: toAnswer(changed) })
      return toAnswer(changed)
    })
  })

  const remove = described(operator, {
    id: 'v1.application.delete',
    summary: 'Delete an application, with its endpoints and tokens',
    answers: { 204: null },
  })
  routes.delete('/app/:app_id', remove, async (request, reply) => {
    const { account } = request
    const touched = await recorded(api, request, async (tx) => {
      const ended = await endAccount(tx, account, clock.now())
      if (!ended) throw notFound()
      request.audit.say({ before: toAnswer(account) })
      return [...ended, ...(await parts.announceDeleted(tx, ended))]
    })
    parts.wakeLanes(touched)
    return await reply.code(204).send()
  })
}

/** Whose line it is, and what it is about: the same. */
function ofAccount({ id }: Account) {
  return { accountId: id, target: { kind: 'app', id } }
}

/** @throws DomainError not_found for an id of no account, and for what can be neither id nor uid */
async function find(tx: Queryable, environment: Environment, idOrUid: string): Promise<Account | undefined> {
  const found = await findAccount(tx, environment, idOrUid)
  if (!found && !isUid(idOrUid)) throw notFound()
  return found
}

/** The uid of an application that a PUT makes (webhook-api 4.3). */
function uidOfPath(name: string, given: string | null | undefined): string {
  if (given != null && given !== name) {
    throw invalidInput({ loc: ['body', 'uid'], msg: 'must equal the application of the path', type: 'value_error' })
  }
  return name
}
