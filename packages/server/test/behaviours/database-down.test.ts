import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { withClient } from '#src/adapters/postgres/client.ts'
import { LEASE_TIMES } from '#src/delivery/ownership.ts'
import type { Answer } from '../api-client.ts'
import { testDatabase } from '../postgres.ts'
import { type PostgresProxy, startPostgresProxy } from '../postgres-proxy.ts'
import { type Receiver, startReceiver } from '../receiver.ts'
import { type TestAccount, TestService } from '../service.ts'
import { Stopwatch } from '../stopwatch.ts'

/** Nothing hangs: an answer comes within 2 s, and a little more. */
const REFUSAL_MS_MAX = 2_500
const SECRET = `whsec_${randomBytes(32).toString('base64')}`

let receiver: Receiver
let proxy: PostgresProxy
let service: TestService
let account: TestAccount
let endpointId: string

beforeEach(async () => {
  receiver = await startReceiver({ secrets: [SECRET] })
  const database = await testDatabase()
  proxy = await startPostgresProxy(database.connection)
  service = await TestService.start({
    receivers: [receiver],
    database,
    connection: proxy.connection,
    overrides: { leaseTimes: LEASE_TIMES, patience: 1 },
  })
  account = await service.account()
  endpointId = (await service.endpoint(account, receiver, { secret: SECRET, timeoutMs: 30_000 })).id
})
afterEach(async () => {
  proxy.become('up')
  await service.close()
  await proxy.close()
  await receiver.close()
})

async function timed(call: () => Promise<Answer>): Promise<Answer & { afterMs: number }> {
  const watch = new Stopwatch()
  const answer = await call()
  return { ...answer, afterMs: watch.stop() }
}

test('a call that has to ask for settings before anything else is refused within 2 s, too', async () => {
  const app = `/api/v1/app/${account.id}`
  const message = { eventType: 'test.happened', payload: { n: 1 } }
  await service.ok('POST', `${app}/msg`, message)
  await service.advance({ seconds: 1.5 })
  await service.ok('POST', `${app}/msg`, message) // the account is asked for again
  await service.advance({ seconds: 0.6 })
  await service.ok('GET', app) // and the caller; what is known of the environment is too old now
  proxy.become('silent')
  const { status, afterMs } = await timed(() => service.call('POST', `${app}/msg`, message))
  expect([status, afterMs <= REFUSAL_MS_MAX ? 'in time' : afterMs]).toEqual([503, 'in time'])
})

describe.each(['down', 'silent'] as const)('while the database is %s', (weather) => {
  test('every call is answered by 503 and Retry-After within 2 s, and afterwards all goes on by itself', async () => {
    const token = await service.token(account)
    const app = `/api/v1/app/${account.id}`
    const message = { eventType: 'test.happened', payload: { n: 1 } }
    // no two of them share a statement: the last wait behind others before it is their turn
    const inTurn = Array.from({ length: 8 }, () => ['POST', `${app}/msg`, { ...message, eventId: 'same' }] as const)
    const calls: (readonly [method: string, path: string, body?: unknown, token?: string])[] = [
      ['POST', `${app}/msg`, message],
      ...inTurn,
      ['POST', `${app}/msg/batch`, { messages: [message] }],
      ['GET', `${app}/msg`],
      ['GET', `${app}/attempt/endpoint/${endpointId}`],
      ['POST', '/api/v1/app', { name: 'x' }],
      ['POST', `${app}/endpoint`, { url: receiver.url }],
      ['GET', `${app}/endpoint/${endpointId}`],
      ['PATCH', `${app}/endpoint/${endpointId}`, { description: 'x' }],
      ['GET', '/api/v1/health'],
      ['GET', '/v1/accounts/subscriptions', undefined, token],
      ['PUT', '/v1/accounts/subscriptions', ['1234567'], token],
    ]
    await service.ok('POST', `${app}/msg`, message) // who calls is remembered: the calls get as far as the accept queue
    proxy.become(weather)
    const answers = await Promise.all(
      calls.map(async ([method, path, body, bearer]) => ({
        call: `${method} ${path}`,
        ...(await timed(() => service.call(method, path, body, bearer === undefined ? {} : { token: bearer }))),
      })),
    )
    for (const { call, status, headers, afterMs } of answers) {
      expect([call, status, Number(headers.get('retry-after')) >= 1]).toEqual([call, 503, true])
      expect([call, afterMs <= REFUSAL_MS_MAX ? 'in time' : afterMs]).toEqual([call, 'in time'])
    }
    expect((await service.call('GET', '/api/v1/health/ping')).status).toBe(204)

    proxy.become('up')
    await expect.poll(async () => (await service.call('POST', `${app}/msg`, message)).status).toBe(202)
    await receiver.until(() => receiver.events.length === 2)
    await expect.poll(async () => (await service.call('GET', '/api/v1/health')).status).toBe(204)
  })
})

test('F07: what was accepted before the database went down is delivered once it is back', async () => {
  const held: (() => void)[] = []
  receiver.answer((response) => void held.push(() => response.writeHead(200).end()), 200)
  const inFlight = await service.message(account)
  await receiver.until(() => held.length === 1)
  proxy.become('down')
  for (const answer of held) answer() // it cannot be recorded now
  proxy.become('up')
  const recorded = async (id: string) => (await service.attempts(account, id)).map(({ status }) => status)
  await expect.poll(() => recorded(inFlight.id).catch(() => [])).toEqual([0])
  const next = await service.message(account)
  await expect.poll(() => recorded(next.id)).toEqual([0])
})

test('F16: an outcome whose commit was not answered is recorded once, and the worker goes on', async () => {
  const held: (() => void)[] = []
  receiver.answer((response) => void held.push(() => response.writeHead(200).end()), 200)
  const { id } = await service.message(account)
  await receiver.until(() => held.length === 1)
  proxy.become('answers_lost')
  for (const answer of held) answer()
  const behind = service.database.open('worker')
  const rows = async () => (await behind.query`select from attempt where event_id = ${id}`).length
  await expect.poll(rows).toBe(1)
  proxy.become('up')

  const post = () => service.call('POST', `/api/v1/app/${account.id}/msg`, { eventType: 'next', payload: {} })
  await expect.poll(async () => (await post()).status).toBe(202)
  await receiver.until(() => receiver.events.length === 2)
  expect((await service.attempts(account, id)).map(({ status }) => status)).toEqual([0])
  expect(receiver.events.filter(({ messageId }) => messageId === id)).toHaveLength(1)
})

test('F16: a commit whose answer was lost is an error, and the repeat with its key finds the one event', async () => {
  const request = { headers: { 'idempotency-key': 'k' } }
  const path = `/api/v1/app/${account.id}/msg`
  const message = { eventType: 'test.happened', payload: { n: 1 } }
  proxy.become('answers_lost')
  const lost = await timed(() => service.call('POST', path, message, request))
  expect([lost.status, lost.afterMs <= REFUSAL_MS_MAX]).toEqual([503, true])
  proxy.become('up')
  const repeats: Answer[] = []
  const repeat = async () => {
    const answer = await service.call('POST', path, message, request)
    if (answer.status === 202) repeats.push(answer)
    return answer.status
  }
  await expect.poll(repeat).toBe(202)
  const { data } = await service.ok('GET', `${path}?event_types=test.happened`)
  expect(data.map(({ id }: { id: string }) => id)).toEqual([repeats[0]?.body.id])
  await receiver.until(() => receiver.events.length === 1)
})

test('a worker whose handing over of shards was cut still sees to it that somebody serves them', async () => {
  const ENDPOINTS = 16
  const cut = proxy.cutAt('set owner = null')
  const { origin } = new URL(receiver.url)
  for (let n = 0; n < ENDPOINTS; n += 1) {
    const settings = { url: `${origin}/${n}`, secret: SECRET }
    await service.ok('POST', `/api/v1/app/${account.id}/endpoint`, settings)
  }
  const beside = await TestService.start({ receivers: [receiver], beside: service })
  await cut
  const { id } = await service.message(account)
  await receiver.until(() => receiver.events.filter(({ messageId }) => messageId === id).length === ENDPOINTS + 1)
  await beside.close()
})

test('F08: connections that are terminated again and again cost at most a statement each, and nothing is lost', async () => {
  const ROUNDS = 15
  const MESSAGES = 300
  const CALLERS = 4 // at once, so a statement has the events of so many at most
  let terminated = 0
  let refused = 0
  let next = 0
  const ids = new Set<string>()
  const path = `/api/v1/app/${account.id}/msg`
  const call = async () => {
    while (next < MESSAGES) {
      const n = next
      next += 1
      for (;;) {
        const body = { eventType: 'test.happened', payload: { n } }
        const answer = await service.call('POST', path, body, { headers: { 'idempotency-key': `k${n}` } })
        if (answer.status === 202) {
          ids.add(answer.body.id)
          break
        }
        expect(answer.status).toBe(503)
        refused += 1
      }
    }
  }
  const storm = withClient(
    service.database.superuserConnection,
    { applicationName: 'storm', statementTimeoutMs: 30_000 },
    async (client) => {
      for (let round = 0; round < ROUNDS; round += 1) {
        // each round waits for connections to end: new ones have been opened
        const { rowCount } = await client.query(`
          select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and application_name like 'producersync-%'`)
        terminated += rowCount ?? 0
        const size = ids.size
        await expect.poll(() => ids.size > size || ids.size === MESSAGES).toBe(true)
      }
    },
  )
  await Promise.all([storm, ...Array.from({ length: CALLERS }, call)])
  expect(terminated).toBeGreaterThanOrEqual(ROUNDS)
  expect(refused).toBeLessThanOrEqual(terminated * CALLERS)
  expect(ids.size).toBe(MESSAGES)
  await receiver.until(() => new Set(receiver.events.map(({ messageId }) => messageId)).size === MESSAGES)
  expect(new Set(receiver.events.map(({ messageId }) => messageId))).toEqual(ids)
})
