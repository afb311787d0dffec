import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Receiver, startReceiver } from '../receiver.ts'
import { type TestAccount, TestService } from '../service.ts'

/**
 * How fast and in what order requests go out (webhook-api 10.4). Seen to fail when a lane's rate, or its order, is not
 * obeyed.
 */

const SECRET = `whsec_${randomBytes(32).toString('base64')}`

let receiver: Receiver

beforeEach(async () => {
  receiver = await startReceiver({ secrets: [SECRET] })
})
afterEach(() => receiver.close())

describe('39: throttleRate', () => {
  let service: TestService
  /** When requests came, in ms of the clock, by path. */
  let moments: Map<string, number[]>

  beforeEach(async () => {
    service = await TestService.start({ receivers: [receiver] })
    moments = new Map()
  })
  afterEach(() => service.close())

  async function accountWith(settings: object, endpoints: Record<string, object>): Promise<TestAccount> {
    const { id } = await service.ok('POST', '/api/v1/app', { name: 'Throttled', ...settings })
    const { origin } = new URL(receiver.url)
    for (const [path, endpoint] of Object.entries(endpoints)) {
      await service.ok('POST', `/api/v1/app/${id}/endpoint`, { url: origin + path, secret: SECRET, ...endpoint })
    }
    await service.settled()
    await service.advance({ seconds: 2 })
    return { id, environment: 'production', key: service.keys.production }
  }

  /** Every `failEvery`th request fails. */
  function note(failEvery = Number.POSITIVE_INFINITY): void {
    let count = 0
    receiver.answer((response, { path }) => {
      count += 1
      moments.set(path, [...(moments.get(path) ?? []), service.clock.now().getTime()])
      response.writeHead(count % failEvery === 0 ? 500 : 200).end()
    })
  }

  function secondsOf(path: string): number {
    const all = moments.get(path) ?? []
    return ((all.at(-1) ?? 0) - (all[0] ?? 0)) / 1_000
  }

  function mostIn(windowMs: number, path: string): number {
    const all = moments.get(path) ?? []
    return Math.max(...all.map((from) => all.filter((at) => at >= from && at < from + windowMs).length))
  }

  const payloads = (count: number) => Array.from({ length: count }, (_, n) => ({ n }))

  test('of 10: 50 messages take at least 4 s', async () => {
    const account = await accountWith({}, { '/a': { throttleRate: 10 } })
    note()
    await service.messages(account, payloads(50))
    await service.advance({ seconds: 10 })
    expect(moments.get('/a')).toHaveLength(50)
    expect(secondsOf('/a')).toBeGreaterThanOrEqual(4)
    expect(secondsOf('/a')).toBeLessThanOrEqual(5.5)
  })

  test('of 10: no window of 10 s holds more than 110 requests, retries included', async () => {
    const account = await accountWith({}, { '/a': { throttleRate: 10, retrySchedule: [1, 1, 1, 1, 1, 1, 1, 1] } })
    note(3)
    await service.messages(account, payloads(130))
    await service.advance({ minutes: 2 })
    expect((moments.get('/a') ?? []).length).toBeGreaterThanOrEqual(180)
    expect(mostIn(10_000, '/a')).toBeLessThanOrEqual(110)
    expect(mostIn(1_000, '/a')).toBeLessThanOrEqual(20)
  })

  test('of the application holds for each endpoint by itself, and an endpoint’s own overrides it', async () => {
    const account = await accountWith({ throttleRate: 10 }, { '/a': {}, '/b': {}, '/c': { throttleRate: 50 } })
    note()
    await service.messages(account, payloads(50))
    await service.advance({ seconds: 10 })
    for (const path of ['/a', '/b', '/c']) expect(moments.get(path)).toHaveLength(50)
    for (const path of ['/a', '/b']) {
      expect(secondsOf(path)).toBeGreaterThanOrEqual(4)
      expect(secondsOf(path)).toBeLessThanOrEqual(5.5)
    }
    expect(secondsOf('/c')).toBeLessThanOrEqual(1)
  })

  test('before its first 2xx an endpoint gets one request a second', async () => {
    const account = await service.account()
    receiver.answer(500)
    await service.ok('POST', `/api/v1/app/${account.id}/endpoint`, { url: receiver.url, secret: SECRET })
    await service.settled()
    const path = new URL(receiver.url).pathname
    await service.messages(account, payloads(20))
    receiver.answer((response) => {
      moments.set(path, [...(moments.get(path) ?? []), service.clock.now().getTime()])
      response.writeHead(moments.get(path)?.length === 5 ? 200 : 500).end()
    })
    await service.advance({ seconds: 4 })
    expect(mostIn(999, path)).toBe(1)
    await service.advance({ seconds: 2 })
    expect((moments.get(path) ?? []).length).toBeGreaterThanOrEqual(20)
  })
})

describe('40: fifo', () => {
  const MESSAGES = 40

  test('under failures, as four workers come and go: the order of acceptance, never two at once', async () => {
    const api = await TestService.start({ receivers: [receiver], environment: { ROLES: 'api' } })
    const start = () => TestService.start({ receivers: [receiver], environment: { ROLES: 'worker' }, beside: api })
    const workers = await Promise.all([start(), start(), start(), start()])
    const account = await api.account()
    const settings = { url: receiver.url, secret: SECRET, ordering: 'fifo', retrySchedule: [1, 1, 1, 1, 1, 1, 1, 1] }
    await api.ok('POST', `/api/v1/app/${account.id}/endpoint`, settings)
    await receiver.received(1)

    let open = 0
    let most = 0
    let requests = 0
    const succeeded: string[] = []
    receiver.answer((response, { messageId }) => {
      open += 1
      most = Math.max(most, open)
      requests += 1
      const fails = requests % 3 === 0
      // a turn of the event loop later: another one would have had time to come
      setImmediate(() => {
        open -= 1
        if (!fails) succeeded.push(messageId)
        response.writeHead(fails ? 503 : 200).end()
      })
    })
    const ids: string[] = []
    for (let n = 0; n < MESSAGES; n += 1) ids.push((await api.message(account, { payload: { n } })).id)

    const deliver = async (count: number) => {
      while (succeeded.length < count) {
        api.clock.advanceMs(200)
        await Promise.all(workers.map((worker) => worker.settled()))
        await new Promise(setImmediate)
      }
    }
    while (workers.length > 1) {
      await deliver(MESSAGES / workers.length)
      await workers.pop()?.close()
      const owned = () => workers.reduce((sum, worker) => sum + (worker.app.worker?.ownership.shardCount ?? 0), 0)
      await expect.poll(owned).toBe(256)
    }
    await deliver(MESSAGES)

    expect(succeeded).toEqual(ids)
    expect(most).toBe(1)
    const order = receiver.events.map(({ messageId }) => messageId)
    expect(order.filter((id, index) => id !== order[index - 1])).toEqual(ids)
    await workers.pop()?.close()
    await api.close()
  })

  test('a message that has ended for good lets the next one go', async () => {
    const service = await TestService.start({ receivers: [receiver] })
    const account = await service.account()
    await service.endpoint(account, receiver, { ordering: 'fifo', retrySchedule: [60] })
    receiver.answer(500, 500, 200)
    const [first, second] = await service.messages(account, [{ n: 1 }, { n: 2 }])
    await service.settled()
    expect(receiver.events.map(({ messageId }) => messageId)).toEqual([first])
    await service.advance({ minutes: 2 })
    expect(receiver.events.map(({ messageId }) => messageId)).toEqual([first, first, second])
    await service.close()
  })

  test('a resend does not queue behind what waits', async () => {
    const service = await TestService.start({ receivers: [receiver] })
    const account = await service.account()
    const endpoint = await service.endpoint(account, receiver, { ordering: 'fifo', retrySchedule: [3_600] })
    const done = await service.message(account)
    await service.settled()
    receiver.answer(500, 200)
    const waiting = await service.message(account)
    await service.settled()
    await service.ok('POST', `/api/v1/app/${account.id}/msg/${done.id}/endpoint/${endpoint.id}/resend`)
    await service.settled()
    expect(receiver.events.map(({ messageId }) => messageId)).toEqual([done.id, waiting.id, done.id])
    await service.close()
  })
})

test('F47: first attempts that have waited for an answer for a second make room for those of other endpoints', async () => {
  const hanging = await startReceiver()
  const environment = { PSAPI_SERVER_WORKER_IN_FLIGHT_MAX: '3' }
  const service = await TestService.start({ receivers: [receiver, hanging], environment })
  const account = await service.account()
  const timeoutMs = 30_000 // later than anybody here would wait
  await service.endpoint(account, hanging, { channels: ['hanging'], timeoutMs })
  await service.endpoint(account, receiver, { channels: ['well'] })
  const held: ServerResponse[] = []
  hanging.answer((response) => void held.push(response))
  for (const n of [1, 2, 3]) await service.message(account, { payload: { n }, channels: ['hanging'] })
  await expect.poll(() => held.length).toBe(3)

  await service.message(account, { channels: ['well'] })

  await expect.poll(() => receiver.events.length).toBe(1)
  await expect.poll(() => service.app.worker?.load.inFlight).toBe(3)
  for (const response of held) response.writeHead(200).end()
  await service.settled()
  await service.close()
  await hanging.close()
})

test('a receiver that answers none before the last of a burst has come gets them all at once', async () => {
  const service = await TestService.start({ receivers: [receiver] })
  const account = await service.account()
  await service.endpoint(account, receiver)
  const held: ServerResponse[] = []
  receiver.answer((response) => {
    held.push(response)
    if (held.length === 12) for (const each of held) each.writeHead(204).end()
  })
  for (let n = 0; n < 12; n += 1) await service.message(account, { payload: { n } })
  await service.settled()
  expect(receiver.events.length).toBe(12)
  await service.close()
})
