import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { createClient, revokeClient, revokeSecret, rotateSecret } from '#src/accounts/clients.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { recorded } from '#src/adapters/http/audit-note.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { type Idempotency, settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { pageParameters, parsePage, toPage } from '#src/adapters/http/pages.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import { pathValue } from '#src/adapters/http/routes.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { DomainError, type Fault, invalidInput, notFound } from '#src/domain-error.ts'
import {
  type AccountKey,
  createAccountKey,
  isAccountKeyId,
  listAccountKeys,
  readAccountKey,
  refuseFurtherKeys,
  revokeAccountKey,
} from './key-store.ts'
import { keyBody } from './people-bodies.ts'
import { AccountKeyOut, AccountKeyPage, NewAccountKeyOut, RotatedKeyOut } from './people-schemas.ts'

export type KeyParts = { api: Database; clock: Clock; ids: IdSource; idempotency: Idempotency }

const DAY_MS = 86_400_000
const listQuery = Type.Object(pageParameters)
const NoBody = Type.Object({}, { title: 'EmptyIn' })

declare module 'fastify' {
  interface FastifyRequest {
    /** The API key or OAuth client named by `:key_id`. */
    accountKey: AccountKey
  }
}

/** What programs of an account sign in with: API keys and OAuth clients. Source: portal S14. */
export function registerKeyRoutes(routes: FastifyInstance, { api, clock, ids, idempotency }: KeyParts): void {
  routes.decorateRequest('accountKey')
  const find = async (request: FastifyRequest) => {
    const id = pathValue(request, 'key_id') ?? ''
    const key =
      isAccountKeyId(id) &&
      (await api.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
        readAccountKey(tx, request.account.id, id),
      ))
    const secretId = pathValue(request, 'key_secret_id')
    if (!key || (secretId !== undefined && !key.secrets.some((secret) => secret.id === secretId))) throw notFound()
    request.accountKey = key
  }
  const unaddressed = { config: { access: 'ManageAccount' } } as const
  const addressed = { config: { access: 'ManageAccount', find } } as const

  const list = described(unaddressed, {
    id: 'v1.key.list',
    summary: 'List API keys and OAuth clients of an account',
    query: listQuery,
    answers: { 200: AccountKeyPage },
  })
  routes.get('/app/:app_id/key', list, async (request) => {
    const page = parsePage(queryOf(request, listQuery), { isKey: isAccountKeyId, order: 'ascending' })
    const keys = await api.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
      listAccountKeys(tx, request.account.id, page),
    )
    return toPage(
      page,
      keys,
      (key) => key,
      (key) => key.id,
    )
  })

  const create = described({ config: { access: 'ManageAccount', answersSecret: true } } as const, {
    id: 'v1.key.create',
    summary: 'Make an API key or an OAuth client, whose secret is shown this once',
    body: keyBody,
    answers: { 201: NewAccountKeyOut },
    refusals: ['limit_reached'],
  })
  routes.post('/app/:app_id/key', create, async (request, reply) => {
    const { kind, name, role, scopes, expiresInDays } = bodyOf(request, keyBody)
    const faults: Fault[] = []
    const refuse = (field: string, msg: string) => faults.push({ loc: ['body', field], msg, type: 'value_error' })
    if (kind === 'client' && role != null) refuse('role', 'is for API keys: a client has scopes')
    if (kind === 'client' && expiresInDays != null) refuse('expiresInDays', 'is for API keys: a client is revoked')
    if (kind === 'apiKey' && scopes != null) refuse('scopes', 'are for clients: an API key has a role')
    if (faults.length > 0) throw invalidInput(...faults)
    const { account } = request
    return await idempotency.run(request, reply, async (tx) => {
      await refuseFurtherKeys(tx, account.id)
      const expiresAt = expiresInDays == null ? null : addMs(clock.now(), expiresInDays * DAY_MS)
      const made =
        kind === 'client'
          ? await newClient(tx, { name, ...(scopes ? { scopes } : {}) }, request)
          : await createAccountKey(tx, { clock, ids }, account, { name, role: role ?? 'developer', expiresAt })
      const key = await readAccountKey(tx, account.id, made.id)
      if (!key) throw new Error('a key that was made cannot be read')
      request.audit.say({ target: { kind: 'key', id: key.id }, after: key })
      return { status: 201, answer: { key, secret: made.secret } }
    })
  })

  async function newClient(
    tx: Parameters<typeof createClient>[0],
    input: Parameters<typeof createClient>[3],
    { account }: FastifyRequest,
  ): Promise<{ id: string; secret: string }> {
    const { clientId, secret } = await createClient(tx, { clock, ids }, account, input)
    return { id: clientId, secret }
  }

  const get = described(addressed, {
    id: 'v1.key.get',
    summary: 'Read an API key or OAuth client, without its secret',
    answers: { 200: AccountKeyOut },
  })
  routes.get('/app/:app_id/key/:key_id', get, ({ accountKey }) => accountKey)

  const revoke = described(addressed, {
    id: 'v1.key.delete',
    summary: 'Revoke an API key or OAuth client with its tokens',
    answers: { 204: null },
  })
  routes.delete('/app/:app_id/key/:key_id', revoke, async (request, reply) => {
    const { account, accountKey } = request
    await recorded(api, request, async (tx) => {
      const now = clock.now()
      const { id, kind, name } = accountKey
      const isEnded =
        kind === 'client'
          ? await revokeClient(tx, { accountId: account.id, id }, now)
          : await revokeAccountKey(tx, account.id, id, now)
      if (!isEnded) throw notFound()
      request.audit.say({ before: { kind, name } })
    })
    return await reply.code(204).send()
  })

  const rotate = described({ config: { ...addressed.config, answersSecret: true } } as const, {
    id: 'v1.key.rotate',
    summary: 'Give an OAuth client a second secret; both are valid until one is revoked',
    body: NoBody,
    answers: { 200: RotatedKeyOut },
    refusals: ['conflict', 'limit_reached'],
  })
  routes.post('/app/:app_id/key/:key_id/rotate', rotate, async (request, reply) => {
    bodyOf(request, NoBody)
    const { account, accountKey } = request
    if (accountKey.kind !== 'client') {
      throw new DomainError('conflict', 'An API key has one secret: make another key, and revoke this one later.')
    }
    return await idempotency.run(request, reply, async (tx) => {
      const { id } = accountKey
      const { secretId, secret } = await rotateSecret(tx, { clock, ids }, { accountId: account.id, id })
      request.audit.say({ target: { kind: 'key', id }, withheld: ['secret'] })
      return { status: 200, answer: { id, secretId, secret } }
    })
  })

  const end = described(addressed, {
    id: 'v1.key.secret.delete',
    summary: 'Revoke one secret of an OAuth client, and the tokens got with it',
    answers: { 204: null },
  })
  routes.delete('/app/:app_id/key/:key_id/secret/:key_secret_id', end, async (request, reply) => {
    const { account, accountKey } = request
    const secretId = pathValue(request, 'key_secret_id') ?? ''
    await recorded(api, request, async (tx) => {
      const secret = { accountId: account.id, clientId: accountKey.id, id: secretId }
      if (!(await revokeSecret(tx, secret, clock.now()))) throw notFound()
      request.audit.say({ target: { kind: 'key', id: accountKey.id }, withheld: ['secret'] })
    })
    return await reply.code(204).send()
  })
}
