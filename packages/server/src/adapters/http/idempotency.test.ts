import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, beforeEach, describe, test } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import { withClient } from '#src/adapters/postgres/client.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { DomainError } from '#src/domain-error.ts'
import { bearer, testAccess, testHttp } from '../../../test/http-kernel.ts'
import { ManualClock } from '../../../test/manual-clock.ts'
import { type TestDatabase, testDatabase } from '../../../test/postgres.ts'
import { Stopwatch } from '../../../test/stopwatch.ts'
import { type Effect, Idempotency } from './idempotency.ts'
import { managementRoutes } from './management.ts'

const clock = new ManualClock('2026-03-06T16:41:07.120Z')
/** Shorter than it is, which is 5 s. */
const waitMsMax = 1_000
let db: TestDatabase
let api: Database
/** Two processes: each with its own memory, on one database. */
let first: FastifyInstance
let second: FastifyInstance
let outcome: (number: number) => Promise<Effect> | Effect
let committed = 0

/** Effects are events' ids taken: each run takes one more. */
async function effects(): Promise<number> {
  return await superuser(async (query) => Number((await query('select count(*) as count from event_uid'))[0]?.count))
}

async function superuser<T>(
  work: (query: (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>) => Promise<T>,
): Promise<T> {
  const options = { applicationName: 'test', statementTimeoutMs: 30_000, lockTimeoutMs: 30_000 }
  return await withClient(db.superuserConnection, options, (client) =>
    work(async (text, values) => (await client.query<Record<string, unknown>>(text, values)).rows),
  )
}

function countCommit(): void {
  committed += 1
}

async function startProcess(): Promise<FastifyInstance> {
  const { http } = testHttp()
  const idempotency = new Idempotency({ database: api, clock, waitMsMax })
  managementRoutes(http, testAccess(), (routes) => {
    const handler = (path: string, access: 'any' | 'environment_key') =>
      routes.post(path, { config: { access } }, async (request, reply) =>
        idempotency.run(request, reply, async (tx) => {
          const [row] = await tx.query<{ count: number }>`select count(*) as count from event_uid`
          const number = (row?.count ?? 0) + 1
          await tx.query`insert into event_uid (account_id, uid, event_id) values ('app_1', ${crypto.randomUUID()}, 'msg_1')`
          const effect = await outcome(number)
          return { ...effect, committed: countCommit }
        }),
      )
    handler('/app/:app_id/endpoint', 'any')
    handler('/app/:app_id/other', 'any')
    handler('/auth/app-portal-access/:app_id', 'any')
  })
  await http.ready()
  return http
}

beforeAll(async () => {
  db = await testDatabase()
  api = db.open('api', { connectionsMax: 8 })
  first = await startProcess()
  second = await startProcess()
})
afterAll(async () => {
  await first.close()
  await second.close()
  await db.close()
})
beforeEach(async () => {
  await superuser(async (query) => await query('truncate event_uid, idempotency'))
  outcome = (number) => ({ status: 201, answer: { number, text: 'é' } })
  committed = 0
})

async function post(
  http: FastifyInstance,
  key: string | undefined,
  body = '{"a":1}',
  path = '/app/app_1/endpoint',
  token = 'key',
) {
  return await http.inject({
    method: 'POST',
    url: `/api/v1${path}`,
    headers: {
      ...bearer(token),
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    payload: body,
  })
}

test('without a key each request has its effect', async () => {
  await post(first, undefined)
  assert.deepEqual((await post(first, undefined)).json(), { number: 2, text: 'é' })
  assert.equal(await effects(), 2)
  assert.equal(committed, 2)
})

test('a repeat has no effect and gets the first status and body, byte for byte', async () => {
  const one = await post(first, 'k')
  for (const http of [first, second]) {
    const again = await post(http, 'k')
    assert.equal(again.statusCode, 201)
    assert.equal(again.body, one.body)
    assert.equal(again.headers['content-type'], 'application/json')
    assert.equal(again.headers['x-idempotent-replay'], 'true')
  }
  assert.equal(one.headers['x-idempotent-replay'], undefined)
  assert.equal(await effects(), 1)
  assert.equal(committed, 1)
})

test('a 204 is repeated as one', async () => {
  outcome = () => ({ status: 204 })
  await post(first, 'k')
  const again = await post(second, 'k')
  assert.equal(again.statusCode, 204)
  assert.equal(again.body, '')
  assert.equal(await effects(), 1)
})

test('an answer that is bytes is sent and repeated as it is', async () => {
  const text = '{ "payload": {"n":1.0,"n":-0} }'
  outcome = () => ({ status: 202, answer: Buffer.from(text) })
  for (const http of [first, second]) assert.equal((await post(http, 'k')).body, text)
  assert.equal(await effects(), 1)
})

test('50 at once over two processes have one effect and one answer', async () => {
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) => post(index % 2 === 0 ? first : second, 'k')),
  )
  assert.deepEqual(new Set(answers.map(({ statusCode }) => statusCode)), new Set([201]))
  assert.equal(new Set(answers.map(({ body }) => body)).size, 1)
  assert.equal(answers.filter(({ headers }) => headers['x-idempotent-replay'] === undefined).length, 1)
  assert.equal(await effects(), 1)
  assert.equal(committed, 1)
})

test('another body under the same key is refused, also while the first runs', async () => {
  const gate = Promise.withResolvers<void>()
  const entered = Promise.withResolvers<void>()
  outcome = async (number) => {
    entered.resolve()
    await gate.promise
    return { status: 201, answer: { number } }
  }
  const one = post(first, 'k')
  await entered.promise
  const others = [post(first, 'k', '{"a":2}'), post(second, 'k', '{"a":2}')]
  gate.resolve()
  assert.equal((await one).statusCode, 201)
  for (const other of [...(await Promise.all(others)), await post(second, 'k', '{"a": 1}')]) {
    assert.equal(other.statusCode, 409)
    assert.equal(other.json().code, 'idempotency_key_reuse')
  }
  assert.equal(await effects(), 1)
})

describe('a key is one only', () => {
  test.each([
    ['of another key', ['K']],
    ['of another path', ['k', undefined, '/app/app_1/other']],
    ['of another query', ['k', undefined, '/app/app_1/endpoint?x=1']],
    ['of another caller', ['k', undefined, undefined, 'client']],
  ] as const)('a request %s is another request', async (_, [key, body, path, token]) => {
    await post(first, 'k')
    assert.equal((await post(first, key, body, path, token)).statusCode, 201)
    assert.equal(await effects(), 2)
  })

  test('for 12 hours', async () => {
    await post(first, 'k')
    const start = clock.now()
    clock.advanceTo(addMs(start, 12 * 3_600_000 - 1))
    await post(first, 'k')
    assert.equal(await effects(), 1)
    clock.advanceTo(addMs(start, 12 * 3_600_000))
    await post(first, 'k', '{"other":1}')
    assert.equal(await effects(), 2)
  })
})

test.each([
  ['a refusal', () => Promise.reject(new DomainError('conflict', 'taken')), 409],
  ['a defect', () => Promise.reject(new TypeError('bug')), 500],
])('%s leaves no trace and frees the key', async (_, fail, status) => {
  outcome = fail
  assert.equal((await post(first, 'k')).statusCode, status)
  assert.equal(await effects(), 0)
  outcome = (number) => ({ status: 201, answer: { number } })
  assert.equal((await post(second, 'k', '{"other":1}')).statusCode, 201)
  assert.equal(await effects(), 1)
})

test('repeats that waited for one that fails try themselves, one at a time', async () => {
  let runs = 0
  outcome = async (number) => {
    runs += 1
    if (runs === 1) throw new DomainError('conflict', 'taken')
    return { status: 201, answer: { number } }
  }
  const answers = await Promise.all(Array.from({ length: 10 }, () => post(first, 'k')))
  assert.deepEqual(answers.map(({ statusCode }) => String(statusCode)).sort(), [
    ...Array.from({ length: 9 }, () => '201'),
    '409',
  ])
  assert.equal(await effects(), 1)
  assert.equal(runs, 2)
})

test('while another process works too long, repeats get 409 in time and hold no connection meanwhile', async () => {
  const key = hash('sha256', 'sandbox\n\n/api/v1/app/app_1/endpoint\nk', 'buffer').readBigInt64BE()
  await superuser(async (query) => {
    await query('select pg_advisory_lock($1)', [key])
    const [start, watch] = [performance.now(), new Stopwatch()]
    const repeats = Array.from({ length: 20 }, (_, index) => post(index % 2 === 0 ? first : second, 'k'))
    await Promise.all(Array.from({ length: 50 }, async () => await api.query`select 1 as one`))
    for (const repeat of await Promise.all(repeats)) {
      assert.equal(repeat.statusCode, 409)
      assert.equal(repeat.json().code, 'idempotency_in_progress')
      assert.equal(repeat.headers['retry-after'], '1')
    }
    const [tookMs, ranMs] = [performance.now() - start, watch.stop()]
    assert.ok(tookMs >= waitMsMax - 10 && ranMs < 4 * waitMsMax, `${tookMs} ms`)
    assert.equal(await effects(), 0)
  })
  assert.equal((await post(second, 'k')).statusCode, 201)
})

test('a process that dies in between leaves the key free', async () => {
  const entered = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  outcome = async (number) => {
    entered.resolve()
    await gate.promise
    return { status: 201, answer: { number } }
  }
  const one = post(first, 'k')
  await entered.promise
  await superuser(
    async (query) =>
      await query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test-api' and state = 'idle in transaction' and datname = current_database()",
      ),
  )
  gate.resolve()
  assert.equal((await one).statusCode, 503)
  outcome = (number) => ({ status: 201, answer: { number } })
  const again = await post(second, 'k')
  assert.equal(again.statusCode, 201)
  assert.equal(again.headers['x-idempotent-replay'], undefined)
  assert.equal(await effects(), 1)
})

test('on /auth/* a key is taken and not kept', async () => {
  const path = '/auth/app-portal-access/app_1'
  for (const number of [1, 2]) {
    const answer = await post(first, 'k', '{}', path)
    assert.equal(answer.statusCode, 201)
    assert.equal(answer.json().number, number)
  }
  await superuser(async (query) => assert.deepEqual(await query('select * from idempotency'), []))
})

test.each(['', 'a'.repeat(257), 'é', 'a\tb', 'a\u007f'])('the key %j is none: 400', async (key) => {
  const answer = await post(first, key)
  assert.equal(answer.statusCode, 400)
  assert.equal(answer.json().code, 'generic_error')
  assert.equal(await effects(), 0)
})

test('the longest key there may be is one', async () => {
  assert.equal((await post(first, '~ '.repeat(128))).statusCode, 201)
})

test('a key of an account whose uid names another one now is refused, not crossed', async () => {
  await post(first, 'k')
  await superuser(async (query) => await query("update idempotency set account_id = 'app_gone'"))
  const answer = await post(first, 'k')
  assert.equal(answer.statusCode, 409)
  assert.equal(answer.json().code, 'idempotency_key_reuse')
  assert.equal(await effects(), 1)
})
