import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import pino from 'pino'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { Idempotency } from '#src/adapters/http/idempotency.ts'
import { managementRoutes } from '#src/adapters/http/management.ts'
import { producersyncRoutes } from '#src/adapters/http/producersync.ts'
import { createHttp } from '#src/adapters/http/server.ts'
import { IdSource, ksuidTime } from '#src/adapters/ids.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { type TestDatabase, testDatabase } from '../../test/postgres.ts'
import { WatchedAnswers } from '../../test/watched-answers.ts'
import { type Access, createAccess } from './access.ts'
import { createClient } from './clients.ts'
import { newCredential } from './credentials.ts'
import { DataKeys, sealingKey } from './encryption.ts'
import { firstStart } from './first-start.ts'
import { type Account, type Environment, type Scope, visibleTo } from './principal.ts'
import { RateLimiter, requestLimiter } from './rate-limit.ts'
import { registerAppRoutes } from './routes.ts'
import type { EndedLane } from './store.ts'
import { createKey, insertAccessToken } from './tokens.ts'

const master = sealingKey(randomBytes(32))
type Json = Record<string, unknown>

const clock = new ManualClock('2026-03-06T16:41:07.121Z')
const ids = new IdSource(clock)
const preloaded: Account[] = []
const woken: EndedLane[] = []
const parts = {
  clock,
  ids,
  dataKeys: new DataKeys(master),
  preload: async (_tx: unknown, account: Account) => void preloaded.push(account),
}
let db: TestDatabase
let api: Database
let http: FastifyInstance
const answers = new WatchedAnswers()
let access: Access
const keys = new Map<Environment, string>()

beforeAll(async () => {
  db = await testDatabase()
  api = db.open('api', { connectionsMax: 8 })
  await firstStart(api, master, parts)
  for (const environment of ['sandbox', 'production'] as const) {
    const { key } = await api.transaction({ settings: visibleTo(environment) }, (tx) =>
      createKey(tx, parts, { environment, name: 'test' }),
    )
    keys.set(environment, key)
  }
  access = createAccess(api, clock)
  http = createHttp({ log: pino({ level: 'silent' }) })
  answers.watch(http)
  const idempotency = new Idempotency({ database: api, clock })
  managementRoutes(http, access, (routes) => {
    const wakeLanes = (lanes: readonly EndedLane[]) => void woken.push(...lanes)
    const announceDeleted = async () => []
    registerAppRoutes(routes, { ...parts, api, access, idempotency, wakeLanes, announceDeleted })
    routes.get('/app/:app_id/anything', { config: { access: 'ViewBase' } }, () => ({}))
    routes.get('/whoever', { config: { access: 'any' } }, () => ({}))
  })
  const limiter = requestLimiter(new RateLimiter(api, clock))
  producersyncRoutes(http, { access, limiter, clock }, (routes) => {
    routes.get('/v1/thing', { config: { access: 'producersync.read' } }, () => ({}))
  })
})
afterAll(async () => {
  await http.close()
  await db.close()
  answers.check()
})

type Call = {
  token?: string
  body?: unknown
  headers?: Record<string, string>
  environment?: Environment
  address?: string
}

async function call(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, options: Call = {}) {
  const { body, headers = {}, environment = 'sandbox', token = keys.get(environment) ?? '', address } = options
  const answer = await http.inject({
    method,
    url: path.startsWith('/v1') ? path : `/api/v1${path}`,
    headers: {
      ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    ...(address === undefined ? {} : { remoteAddress: address }),
  })
  const json = answer.body === '' ? {} : answer.json<Json>()
  return { status: answer.statusCode, headers: answer.headers, body: json }
}

function uniqueUid(): string {
  return `uid-${ids.next().ksuid}`
}

async function newApp(
  fields: Json = {},
  environment: Environment = 'sandbox',
): Promise<Json & { id: string; uid: string }> {
  const uid = uniqueUid()
  const { status, body } = await call('POST', '/app', { body: { name: 'Test', uid, ...fields }, environment })
  assert.equal(status, 201, JSON.stringify(body))
  return { ...body, id: String(body.id), uid }
}

async function accessTokenOf(
  app: { id: string },
  scopes: Scope[],
  environment: Environment = 'sandbox',
): Promise<string> {
  const text = newCredential('at_')
  const account = { id: app.id, environment }
  await api.transaction({ settings: visibleTo(environment, app.id) }, async (tx) => {
    const client = await createClient(tx, parts, account, { name: 'Test', scopes })
    await insertAccessToken(tx, parts, { ...client, environment, accountId: app.id, scopes }, { text, scopes })
  })
  return text
}

function locs(body: Json): string[] {
  const { detail } = body
  return Array.isArray(detail) ? detail.map((fault: { loc: string[] }) => fault.loc.join('.')) : []
}

describe('POST /app (webhook-api 8, 9.1)', () => {
  test('makes an application: 201, with both namings, an id of its time, and in the sandbox the preloaded NPNs', async () => {
    const body = { name: 'Größe & Söhne', uid: uniqueUid(), rateLimit: 7, metadata: { key: 'värde' } }
    const made = await call('POST', '/app', { body })
    assert.equal(made.status, 201)
    const { id, createdAt, updatedAt, ...rest } = made.body
    assert.deepEqual(rest, { ...body, throttleRate: 7 })
    assert.match(String(id), /^app_[A-Za-z0-9]{27}$/)
    assert.equal(ksuidTime(String(id).slice(4)).toISOString(), createdAt)
    assert.equal(createdAt, '2026-03-06T16:41:07.120Z')
    assert.equal(updatedAt, createdAt)
    const account = preloaded.find((each) => each.id === id)
    assert.equal(account?.populationMax, 10_000)
    assert.deepEqual((await call('GET', `/app/${String(id)}`)).body, made.body)
  })

  test('a production account may monitor 1,000,000 NPNs and starts with none', async () => {
    const { id } = await newApp({}, 'production')
    assert.ok(!preloaded.some((account) => account.id === id))
    const [row] = await db.open('migrate').query<{
      population_max: number
    }>`select population_max from account where id = ${id}`
    assert.equal(row?.population_max, 1_000_000)
  })

  test('a taken uid is 409; with get_if_exists the unchanged application, 200', async () => {
    const app = await newApp({ name: 'First' })
    const again = { name: 'Second', uid: app.uid }
    const refused = await call('POST', '/app', { body: again })
    assert.deepEqual([refused.status, refused.body.code], [409, 'conflict'])
    const got = await call('POST', '/app?get_if_exists=true', { body: again })
    assert.equal(got.status, 200)
    assert.deepEqual(got.body, app)
    // the other environment shares nothing
    assert.equal((await call('POST', '/app', { body: again, environment: 'production' })).status, 201)
  })

  test('50 parallel get_if_exists make one application', async () => {
    const body = { name: 'Test', uid: uniqueUid() }
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => call('POST', '/app?get_if_exists=true', { body })),
    )
    const statuses = answers.map(({ status }) => status).sort()
    assert.deepEqual(statuses, [...Array.from({ length: 49 }, () => 200), 201])
    assert.equal(new Set(answers.map((answer) => answer.body.id)).size, 1)
  })

  test('of 50 parallel creations with one uid, one wins and 49 are 409', async () => {
    const body = { name: 'Test', uid: uniqueUid() }
    const answers = await Promise.all(Array.from({ length: 50 }, () => call('POST', '/app', { body })))
    assert.equal(answers.filter(({ status }) => status === 201).length, 1)
    assert.equal(answers.filter(({ status }) => status === 409).length, 49)
  })

  test('the same Idempotency-Key makes one application, also without a uid', async () => {
    const request = { body: { name: 'Once' }, headers: { 'idempotency-key': 'once' } }
    const answers = await Promise.all([1, 2, 3].map(() => call('POST', '/app', request)))
    assert.deepEqual(
      answers.map(({ status }) => status),
      [201, 201, 201],
    )
    assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1)
  })

  const bad: [string, Json, string[]][] = [
    ['no name', {}, ['body.name']],
    ['an empty name', { name: '' }, ['body.name']],
    ['a name of 257', { name: 'x'.repeat(257) }, ['body.name']],
    ['a name with a control character', { name: 'a\u0007b' }, ['body.name']],
    ['a name that is a number', { name: 7 }, ['body.name']],
    ['a uid with the id prefix', { name: 'x', uid: 'app_mine' }, ['body.uid']],
    ['a uid of 257', { name: 'x', uid: 'x'.repeat(257) }, ['body.uid']],
    ['a uid with a slash', { name: 'x', uid: 'a/b' }, ['body.uid']],
    ['a uid with a line break at its end', { name: 'x', uid: 'ab\n' }, ['body.uid']],
    ['a rate of 0', { name: 'x', throttleRate: 0 }, ['body.throttleRate']],
    ['a rate of 65,536', { name: 'x', rateLimit: 65_536 }, ['body.rateLimit']],
    ['a rate as text', { name: 'x', throttleRate: '5' }, ['body.throttleRate']],
    ['two rates that differ', { name: 'x', throttleRate: 5, rateLimit: 6 }, ['body.rateLimit']],
    ['metadata of numbers', { name: 'x', metadata: { a: 1 } }, ['body.metadata.a']],
    ['metadata that is null', { name: 'x', metadata: null }, ['body.metadata']],
    ['metadata of 4,097 bytes', { name: 'x', metadata: { a: 'x'.repeat(4_097 - 8) } }, ['body.metadata']],
    ['metadata with the key constructor', { name: 'x', metadata: { constructor: 'y' } }, ['body.metadata']],
    ['metadata with NUL', { name: 'x', metadata: { a: 'x\u0000' } }, ['body.metadata']],
    [
      'protected names',
      { name: 'x', id: 'app_1', createdAt: 'now', tenant_id: 'y' },
      ['body.id', 'body.createdAt', 'body.tenant_id'],
    ],
    ['all faults at once', { name: '', uid: 'app_x', throttleRate: 0 }, ['body.name', 'body.uid', 'body.throttleRate']],
  ]
  test.each(bad)('%s: 422 that names the field, nothing made', async (_name, body, expected) => {
    const count = async () => (await db.open('migrate').query`select count(*)::int as n from account`)[0]
    const before = await count()
    const answer = await call('POST', '/app', { body })
    assert.equal(answer.status, 422)
    assert.deepEqual(locs(answer.body).sort(), expected.sort())
    assert.deepEqual(await count(), before)
  })

  test('equal values under both names are taken, and an unknown field is named in x-ignored-fields', async () => {
    const body = { name: 'x', throttleRate: 5, rateLimit: 5, colour: 'red', metadata: { a: 'x'.repeat(4_096 - 8) } }
    const answer = await call('POST', '/app', { body })
    assert.equal(answer.status, 201)
    assert.equal(answer.headers['x-ignored-fields'], 'colour')
  })

  test('__proto__ in metadata is refused, and no rate but null is null', async () => {
    const answer = await http.inject({
      method: 'POST',
      url: '/api/v1/app',
      headers: { authorization: `Bearer ${keys.get('sandbox')}`, 'content-type': 'application/json' },
      payload: '{"name":"x","metadata":{"__proto__":"y"}}',
    })
    assert.equal(answer.statusCode, 422)
    assert.equal((await newApp({ throttleRate: null })).rateLimit, null)
  })
})

describe('PUT and PATCH (webhook-api 4.3)', () => {
  test('the same PUT by a new uid twice: 201, then 200, one application', async () => {
    const uid = uniqueUid()
    const [first, second] = [
      await call('PUT', `/app/${uid}`, { body: { name: 'Put' } }),
      await call('PUT', `/app/${uid}`, { body: { name: 'Put' } }),
    ]
    assert.deepEqual([first.status, second.status], [201, 200])
    assert.equal(first.body.id, second.body.id)
    assert.equal(first.body.uid, uid)
  })

  test('20 parallel PUTs by a new uid make one application and none fails', async () => {
    const uid = uniqueUid()
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => call('PUT', `/app/${uid}`, { body: { name: 'Put' } })),
    )
    assert.deepEqual([...new Set(answers.map(({ status }) => String(status)))].sort(), ['200', '201'])
    assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1)
  })

  test('PUT of an id that names nothing is 404, of a uid with another uid in the body 422', async () => {
    const body = { name: 'x' }
    for (const name of [`app_${ids.next().ksuid}`, 'app_x', 'a%20b', 'x'.repeat(257)]) {
      const answer = await call('PUT', `/app/${name}`, { body })
      assert.deepEqual([answer.status, answer.body.code], [404, 'not_found'], name)
    }
    const other = await call('PUT', `/app/${uniqueUid()}`, { body: { ...body, uid: uniqueUid() } })
    assert.deepEqual([other.status, locs(other.body)], [422, ['body.uid']])
  })

  test('PUT replaces: what is missing takes its default, the uid stays', async () => {
    const app = await newApp({ throttleRate: 9, metadata: { a: 'b' } })
    clock.advanceMs(1_000)
    const { status, body } = await call('PUT', `/app/${app.id}`, { body: { name: 'New' } })
    assert.equal(status, 200)
    const changed = {
      name: 'New',
      throttleRate: null,
      rateLimit: null,
      metadata: {},
      updatedAt: clock.now().toISOString(),
    }
    assert.deepEqual(body, { ...app, ...changed })
  })

  test('the application’s own GET answer, edited or not, can be sent back by PUT and PATCH', async () => {
    const app = await newApp({ throttleRate: 9, metadata: { a: 'b' } })
    for (const method of ['PUT', 'PATCH'] as const) {
      const { body: got } = await call('GET', `/app/${app.id}`)
      const { status, headers, body } = await call(method, `/app/${app.id}`, { body: { ...got, name: method } })
      assert.equal(status, 200, JSON.stringify(body))
      assert.equal(headers['x-ignored-fields'], 'updatedAt')
      assert.deepEqual({ ...body, updatedAt: 0 }, { ...got, name: method, updatedAt: 0 })
    }
    const foreign = await call('PATCH', `/app/${app.id}`, { body: { id: (await newApp()).id, name: 'stolen' } })
    assert.equal(foreign.status, 422)
    assert.equal((await call('GET', `/app/${app.id}`)).body.name, 'PATCH')
  })

  test('PATCH: absent leaves, null clears, null for a name is 422 and changes nothing', async () => {
    const app = await newApp({ throttleRate: 9, metadata: { a: 'b' } })
    const left = await call('PATCH', `/app/${app.uid}`, { body: {} })
    assert.deepEqual({ ...left.body, updatedAt: 0 }, { ...app, updatedAt: 0 })
    const refused = await call('PATCH', `/app/${app.uid}`, { body: { throttleRate: null, name: null } })
    assert.deepEqual([refused.status, locs(refused.body)], [422, ['body.name']])
    assert.equal((await call('GET', `/app/${app.uid}`)).body.throttleRate, 9)
    const cleared = await call('PATCH', `/app/${app.uid}`, { body: { uid: null, rateLimit: null } })
    assert.deepEqual([cleared.body.uid, cleared.body.throttleRate, cleared.body.name], [null, null, 'Test'])
    assert.equal((await call('GET', `/app/${app.uid}`)).status, 404)
  })

  test('a uid that another application has is 409 by PUT and PATCH, and changes nothing', async () => {
    const [one, two] = [await newApp(), await newApp()]
    for (const method of ['PUT', 'PATCH'] as const) {
      const answer = await call(method, `/app/${one.id}`, { body: { name: 'x', uid: two.uid } })
      assert.deepEqual([answer.status, answer.body.code], [409, 'conflict'])
    }
    assert.equal((await call('GET', `/app/${one.id}`)).body.name, 'Test')
  })
})

describe('DELETE (webhook-api 8, 3)', () => {
  test('ends endpoints and their secrets, cancels planned deliveries, ends tokens, and frees the uid at once', async () => {
    const app = await newApp()
    const token = await accessTokenOf(app, ['webhooks'])
    assert.equal((await call('GET', `/app/${app.id}`, { token })).status, 200)
    const owner = db.open('migrate')
    await owner.query`
      insert into endpoint (account_id, id, environment, url, created_at, updated_at)
      values (${app.id}, ${`ep_${app.id}`}, 'sandbox', 'https://example.com/', ${clock.now()}, ${clock.now()})`
    await owner.query`
      insert into endpoint_secret (account_id, endpoint_id, id, secret, created_at)
      values (${app.id}, ${`ep_${app.id}`}, 's', ${randomBytes(8)}, ${clock.now()})`
    const deleted = await call('DELETE', `/app/${app.uid}`)
    assert.equal(deleted.status, 204)
    assert.equal(deleted.headers['content-type'], undefined)
    const [endpoint] = await owner.query<{ deleted_at: Date; canceled_before: Date; version: number; shard: number }>`
      select deleted_at, canceled_before, version, shard from endpoint where account_id = ${app.id}`
    assert.deepEqual(
      [endpoint?.deleted_at, endpoint?.canceled_before, endpoint?.version],
      [clock.now(), clock.now(), 2],
    )
    assert.deepEqual(await owner.query`select id from endpoint_secret where account_id = ${app.id}`, [])
    assert.deepEqual(woken.at(-1), { accountId: app.id, endpointId: `ep_${app.id}`, shard: endpoint?.shard })
    for (const name of [app.id, app.uid]) {
      for (const method of ['GET', 'DELETE'] as const) {
        assert.equal((await call(method, `/app/${name}`)).status, 404, `${method} ${name}`)
      }
    }
    assert.equal((await call('PATCH', `/app/${app.id}`, { body: { name: 'back' } })).status, 404)
    clock.advanceMs(2_000)
    assert.equal((await call('GET', `/app/${app.id}`, { token })).status, 401)
    assert.equal((await call('POST', '/app', { body: { name: 'Next', uid: app.uid } })).status, 201)
  })

  test('of ten parallel deletions one succeeds', async () => {
    const app = await newApp()
    const statuses = await Promise.all(
      Array.from({ length: 10 }, async () => (await call('DELETE', `/app/${app.id}`)).status),
    )
    assert.equal(statuses.filter((status) => status === 204).length, 1)
    assert.equal(statuses.filter((status) => status === 404).length, 9)
  })
})

describe('GET /app: lists (webhook-api 7)', () => {
  test('paging forward and back in both orders gives each exactly once, while others are added', async () => {
    const mine = new Set<unknown>()
    for (let index = 0; index < 30; index += 1) {
      mine.add((await newApp({}, 'production')).id)
      clock.advanceMs(4)
    }
    for (const order of ['ascending', 'descending']) {
      const seen: unknown[] = []
      let page = await call('GET', `/app?limit=7&order=${order}`, { environment: 'production' })
      for (;;) {
        assert.equal(page.status, 200)
        const { data, iterator, done } = page.body
        assert.ok(Array.isArray(data))
        seen.push(...data.map((app: Json) => app.id))
        if (done) break
        await newApp({}, 'production')
        page = await call('GET', `/app?limit=7&order=${order}&iterator=${String(iterator)}`, {
          environment: 'production',
        })
      }
      assert.equal(new Set(seen).size, seen.length)
      assert.deepEqual(seen.filter((id) => mine.has(id)).length, 30)
      const sorted = [...seen].map(String).sort()
      assert.deepEqual(seen, order === 'ascending' ? sorted : sorted.reverse())

      const backward: unknown[] = []
      let from = String(page.body.prevIterator)
      for (;;) {
        const { body } = await call('GET', `/app?limit=7&order=${order}&iterator=${from}`, {
          environment: 'production',
        })
        assert.ok(Array.isArray(body.data))
        backward.unshift(...body.data.map((app: Json) => app.id))
        if (body.done) break
        from = String(body.prevIterator)
      }
      const last = page.body.data
      assert.ok(Array.isArray(last))
      const before = seen.slice(0, seen.length - last.length)
      assert.deepEqual(
        backward.filter((id) => mine.has(id)),
        before.filter((id) => mine.has(id)),
      )
    }
  })

  test('default ascending; the environments never show each other’s; bad limits and iterators are 422, unreadable ones 400', async () => {
    const { id } = await newApp()
    const { body } = await call('GET', '/app?limit=250')
    assert.ok(Array.isArray(body.data) && body.data.some((app: Json) => app.id === id))
    const production = await call('GET', '/app?limit=250', { environment: 'production' })
    assert.ok(Array.isArray(production.body.data) && !production.body.data.some((app: Json) => app.id === id))
    for (const [query, status] of [
      ['limit=0', 422],
      ['limit=251', 422],
      ['limit=x', 400],
      ['iterator=ep_3Aa0F8E2yHdqfp6y2gwa1x3KJ8m', 422],
      [`iterator=app_${'z'.repeat(27)}`, 422],
      ['order=sideways', 422],
      ['exclude_apps_with_no_endpoints=perhaps', 400],
    ] as const) {
      assert.equal((await call('GET', `/app?${query}`)).status, status, query)
    }
    const beyond = await call('GET', '/app?iterator=app_aWgEPTl1tmebfsQzFP4bxwgy80V')
    assert.deepEqual(beyond.body, { data: [], iterator: null, done: true })
  })

  test('applications without endpoints, or with only disabled ones, can be left out', async () => {
    const owner = db.open('migrate')
    const [none, disabled, live, gone] = [await newApp(), await newApp(), await newApp(), await newApp()]
    const add = async (app: { id: string }, isDisabled: boolean, deletedAt: Date | null) => {
      const reason = isDisabled ? 'manual' : null
      await owner.query`
        insert into endpoint (account_id, id, environment, url, disabled, disabled_reason, created_at, updated_at, deleted_at)
        values (${app.id}, ${`ep_${ids.next().ksuid}`}, 'sandbox', 'https://example.com/', ${isDisabled}, ${reason},
                ${clock.now()}, ${clock.now()}, ${deletedAt})`
    }
    await add(disabled, true, null)
    await add(live, true, null)
    await add(live, false, null)
    await add(gone, false, clock.now())
    const listed = async (query: string) => {
      const { body } = await call('GET', `/app?limit=250&${query}`)
      assert.ok(Array.isArray(body.data))
      const found = new Set(body.data.map((app: Json) => app.id))
      return [none, disabled, live, gone].map(({ id }) => found.has(id))
    }
    assert.deepEqual(await listed(''), [true, true, true, true])
    assert.deepEqual(await listed('exclude_apps_with_no_endpoints=true'), [false, true, true, false])
    assert.deepEqual(await listed('exclude_apps_with_disabled_endpoints=true'), [true, false, true, true])
    assert.deepEqual(await listed('exclude_apps_with_disabled_endpoints=true&exclude_apps_with_no_endpoints=true'), [
      false,
      false,
      true,
      false,
    ])
  })
})

describe('who may (webhook-api 2.1, 8)', () => {
  const operations: ['GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', string][] = [
    ['GET', '/app'],
    ['POST', '/app'],
    ['PUT', '/app/:id'],
    ['PATCH', '/app/:id'],
    ['DELETE', '/app/:id'],
  ]

  test('an access token with webhooks reads its own application, and gets 403 on operator’s ones, without any look-up', async () => {
    const app = await newApp()
    const token = await accessTokenOf(app, ['webhooks'])
    for (const name of [app.id, app.uid]) assert.equal((await call('GET', `/app/${name}`, { token })).body.id, app.id)
    const foreign = await newApp()
    for (const [method, path] of operations) {
      for (const id of [app.id, foreign.id, 'nobody']) {
        const { status, body } = await call(method, path.replace(':id', id), {
          token,
          body: method === 'GET' ? undefined : { name: 'x' },
        })
        assert.deepEqual([status, body.code], [403, 'insufficient access'], `${method} ${path}`)
      }
    }
  })

  test('foreign, unknown, deleted and other environments’ applications get one identical 404', async () => {
    const app = await newApp()
    const token = await accessTokenOf(app, ['webhooks'])
    const [foreign, deleted, other] = [await newApp(), await newApp(), await newApp({}, 'production')]
    await call('DELETE', `/app/${deleted.id}`)
    const names = [foreign, deleted, other].flatMap(({ id, uid }) => [id, uid])
    names.push(`app_${ids.next().ksuid}`, 'nobody', '%00', 'app_x')
    const answers = await Promise.all(
      names.flatMap((name) => [
        call('GET', `/app/${name}`, { token }),
        call('GET', `/app/${name}/anything`, { token }),
      ]),
    )
    assert.deepEqual(
      new Set(answers.map(({ status, body }) => JSON.stringify([status, body]))),
      new Set([JSON.stringify([404, { code: 'not_found', detail: 'Entity not found' }])]),
    )
  })

  test('an access token without scope webhooks is 403 everywhere in the management API', async () => {
    const app = await newApp()
    const token = await accessTokenOf(app, ['producersync.read', 'producersync.write'])
    for (const path of ['/app', `/app/${app.id}`, `/app/${app.id}/anything`, '/whoever']) {
      const { status, body } = await call('GET', path, { token })
      assert.deepEqual([status, body.code], [403, 'insufficient access'], path)
    }
    assert.equal((await call('GET', '/v1/thing', { token })).status, 200)
  })

  test('no token, a malformed and an unknown one get the same 401', async () => {
    const answers = await Promise.all(
      ['', 'x', newCredential('sk_'), newCredential('at_')].map((token) => call('GET', '/app', { token })),
    )
    for (const { status, headers, body } of answers) {
      assert.deepEqual([status, body.code, headers['www-authenticate']], [401, 'authentication_failed', 'Bearer'])
    }
    assert.equal(new Set(answers.map(({ body }) => JSON.stringify(body))).size, 1)
  })
})

describe('rate limit of /v1 and /v2 (producersync-api 3)', () => {
  test('request 301 of a client in a minute is 429, says when to come back, and leaves others alone', async () => {
    clock.advanceTo('2026-03-06T18:00:20.500Z')
    const app = await newApp()
    const token = await accessTokenOf(app, ['producersync.read'])
    const other = await accessTokenOf(app, ['producersync.read'])
    const answers = await Promise.all(Array.from({ length: 310 }, () => call('GET', '/v1/thing', { token })))
    const passed = answers.filter(({ status }) => status === 200)
    const refused = answers.filter(({ status }) => status === 429)
    assert.deepEqual([passed.length, refused.length], [300, 10])
    assert.equal(new Set(passed.map(({ headers }) => headers['ratelimit-remaining'])).size, 300)
    for (const { headers } of answers)
      assert.deepEqual([headers['ratelimit-limit'], headers['ratelimit-reset']].map(String), ['300', '40'])
    for (const { headers } of refused)
      assert.deepEqual([headers['ratelimit-remaining'], headers['retry-after']].map(String), ['0', '40'])
    assert.equal((await call('GET', '/v1/thing', { token: other })).status, 200)
    clock.advanceTo('2026-03-06T18:01:00.000Z')
    assert.equal((await call('GET', '/v1/thing', { token })).status, 200)
  })

  test('errors carry the headers too; who is not known counts per address', async () => {
    const address = '198.51.100.7'
    const first = await call('GET', '/v1/thing', { token: '', address })
    assert.deepEqual([first.status, String(first.headers['ratelimit-remaining'])], [401, '299'])
    const second = await call('GET', '/v1/thing', { token: newCredential('at_'), address })
    assert.deepEqual([second.status, String(second.headers['ratelimit-remaining'])], [401, '298'])
  })
})
