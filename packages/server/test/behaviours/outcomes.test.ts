import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Receiver, type Reply, startReceiver } from '../receiver.ts'
import { type TestAccount, TestService } from '../service.ts'

/**
 * What becomes of a delivery by what its receiver does (webhook-api 10.3, 10.4). Seen to fail when the endpoint's
 * `timeoutMs` or a `Retry-After` is not obeyed.
 */

let receiver: Receiver
/** Closed by the test that wants nobody there. */
let leaving: Receiver
let service: TestService
let account: TestAccount

beforeAll(async () => {
  receiver = await startReceiver()
  leaving = await startReceiver()
  service = await TestService.start({ receivers: [receiver, leaving] })
})
beforeEach(async () => {
  receiver.reset()
  account = await service.account()
})
afterAll(async () => {
  await service.close()
  await receiver.close()
})

// biome-ignore lint/suspicious/noExplicitAny: the endpoint as answered
async function endpointNow(id: string): Promise<any> {
  return await service.ok('GET', `/api/v1/app/${account.id}/endpoint/${id}`)
}

describe('the deadline', () => {
  test('34: an answer within timeoutMs is a success, one after it a failure that is retried by retrySchedule', async () => {
    const endpoint = await service.endpoint(account, receiver, { timeoutMs: 10_000, retrySchedule: [7] })
    expect(endpoint).toMatchObject({ timeoutMs: 10_000, retrySchedule: [7] })
    receiver.answer((response) => void setTimeout(() => response.writeHead(200).end(), 700))
    const inTime = await service.message(account)
    await service.settled()
    expect(await service.attempts(account, inTime.id)).toMatchObject([{ status: 0, outcome: 'responded' }])

    await service.ok('PATCH', `/api/v1/app/${account.id}/endpoint/${endpoint.id}`, { timeoutMs: 1_000 })
    await service.advance({ seconds: 2 })
    // when the sender has gone
    receiver.answer((response) => void response.on('close', () => response.writeHead(200).end()), 200)
    const late = await service.message(account)
    await service.settled()
    const [attempt] = await service.attempts(account, late.id)
    expect(attempt).toMatchObject({ status: 2, outcome: 'timed_out', responseStatusCode: 0 })
    expect(attempt.responseDurationMs).toBeGreaterThanOrEqual(1_000)
    expect(attempt.responseDurationMs).toBeLessThan(10_000)
    const waitMs = new Date(attempt.nextAttempt).getTime() - service.clock.now().getTime()
    expect(waitMs).toBeGreaterThanOrEqual(7_000)
    await service.advance({ seconds: 10 })
    expect((await service.attempts(account, late.id)).map(({ status }) => status)).toEqual([2, 0])
  })

  const bodies: { name: string; reply: (response: ServerResponse) => void }[] = [
    { name: 'never ends', reply: (response) => void response.writeHead(200, { 'content-length': 10 }).write('x') },
    {
      name: 'is reset',
      reply: (response) =>
        void response
          .writeHead(200, { 'content-length': 100_000 })
          .write('x'.repeat(50_000), () => response.socket?.resetAndDestroy()),
    },
    { name: 'is 1 GB', reply: (response) => flood(response.writeHead(200, { 'content-length': 1e9 })) },
    { name: 'is endless', reply: (response) => flood(response.writeHead(200)) },
  ]

  test.each(bodies)(
    '35: a 200 whose body $name is a success, of one attempt, with at most 16 KiB kept',
    async (body) => {
      await service.endpoint(account, receiver, { timeoutMs: 2_000 })
      receiver.answer(body.reply)
      const { id } = await service.message(account)
      await service.advance({ hours: 1 })
      const attempts = await service.attempts(account, id)
      expect(attempts).toMatchObject([{ status: 0, outcome: 'responded', responseStatusCode: 200, nextAttempt: null }])
      expect(attempts[0].response.length).toBeLessThanOrEqual(16_384)
      expect(attempts[0].responseDurationMs).toBeLessThan(10_000)
      expect(receiver.events).toHaveLength(1)
    },
  )
})

/** Writes as long as anybody reads. */
function flood(response: ServerResponse): void {
  const piece = Buffer.alloc(65_536, 'x')
  const more = () => {
    while (!response.destroyed && response.write(piece)) {
      // until the socket is full
    }
  }
  response.on('drain', more)
  more()
}

test('F26: a receiver that is not there is tried by the whole schedule, and then it is a dead letter', async () => {
  const endpoint = await service.endpoint(account, leaving, { retrySchedule: [1, 2, 3] })
  const { hostname, port } = new URL(leaving.url)
  await leaving.close()
  const { id } = await service.message(account)
  await service.advance({ minutes: 1 })
  const attempts = await service.attempts(account, id)
  expect(attempts.map(({ outcome, status }) => [outcome, status])).toEqual(
    Array.from({ length: 4 }, () => ['refused', 2]),
  )
  // where it would have been is not told
  for (const { response } of attempts) {
    expect(response).not.toContain(hostname)
    expect(response).not.toContain(port)
  }
  expect(await service.destinations(account, id)).toMatchObject([{ id: endpoint.id, status: 2 }])
})

describe('what ends it', () => {
  test('36: 410 disables the endpoint as gone, and nothing that waits for it is sent', async () => {
    const endpoint = await service.endpoint(account, receiver, { maxConcurrency: 1 })
    receiver.answer(410, 200)
    const ids = await service.messages(account, [{ n: 1 }, { n: 2 }, { n: 3 }])
    await service.advance({ hours: 1 })
    expect(receiver.events.map(({ messageId }) => messageId)).toEqual([ids[0]])
    expect(await endpointNow(endpoint.id)).toMatchObject({ disabled: true, disabledReason: 'gone' })
    const outcomes = await Promise.all(ids.map((id) => service.attempts(account, id)))
    expect(outcomes.map((attempts) => attempts.map(({ status }) => status))).toEqual([[2], [4], [4]])
    const later = await service.message(account)
    await service.advance({ hours: 1 })
    expect(await service.destinations(account, later.id)).toEqual([])
    expect(receiver.events).toHaveLength(1)
  })

  const saying =
    (status: number, words: string): Reply =>
    (response) =>
      response.writeHead(status, { 'webhook-delivery': words }).end()

  test.each([
    { status: 500, words: 'abort-message', statuses: [2] },
    { status: 503, words: 'something-new, ABORT-Message', statuses: [2] },
    { status: 302, words: 'abort-message', statuses: [2] },
    { status: 500, words: 'abort', statuses: [2, 0] },
    { status: 500, words: 'abort-messages; disabled', statuses: [2, 0] },
    { status: 200, words: 'abort-message', statuses: [0] },
  ])('38: webhook-delivery "$words" on $status: attempts $statuses, the endpoint stays', async (given) => {
    const endpoint = await service.endpoint(account, receiver)
    receiver.answer(saying(given.status, given.words), 200)
    const { id } = await service.message(account)
    await service.advance({ minutes: 1 })
    expect((await service.attempts(account, id)).map(({ status }) => status)).toEqual(given.statuses)
    expect(await endpointNow(endpoint.id)).toMatchObject({ disabled: false })
  })

  test.each([200, 500])('38: webhook-delivery "disable" on %d disables the endpoint', async (status) => {
    const endpoint = await service.endpoint(account, receiver)
    receiver.answer(saying(status, 'Disable'), 200)
    const { id } = await service.message(account)
    await service.advance({ minutes: 1 })
    expect(await endpointNow(endpoint.id)).toMatchObject({ disabled: true, disabledReason: 'receiver_request' })
    expect(receiver.events).toHaveLength(1)
    const expected = status === 200 ? [0] : [2, 4]
    expect((await service.attempts(account, id)).map((attempt) => attempt.status)).toEqual(expected)
  })
})

describe('37: Retry-After', () => {
  const LAG_S = 2
  const inTenMinutes = () => new Date(service.clock.now().getTime() + 600_000).toUTCString()
  const tenMinutesAgo = () => new Date(service.clock.now().getTime() - 600_000).toUTCString()
  /** After `before` failures without the header comes one with it; the wait that follows is from `from` to `to` seconds. */
  const cases: {
    name: string
    status: number
    value: () => string
    before: number
    from: number
    to: number
  }[] = [
    { name: '120 on 503 at the 5 s step', status: 503, value: () => '120', before: 0, from: 120, to: 120 },
    { name: '120 on 429', status: 429, value: () => '120', before: 0, from: 120, to: 120 },
    { name: '120 on 500', status: 500, value: () => '120', before: 0, from: 120, to: 120 },
    { name: '120 on 404', status: 404, value: () => '120', before: 0, from: 120, to: 120 },
    { name: 'a date in 10 min', status: 503, value: inTenMinutes, before: 0, from: 599, to: 600 },
    { name: '0', status: 503, value: () => '0', before: 0, from: 5, to: 5.5 },
    { name: '1 at the 5 min step', status: 503, value: () => '1', before: 1, from: 300, to: 330 },
    { name: '86400', status: 503, value: () => '86400', before: 0, from: 86_400, to: 86_400 },
    { name: '86401, cut at 24 h', status: 503, value: () => '86401', before: 0, from: 86_400, to: 86_400 },
    { name: '1000000000, cut at 24 h', status: 503, value: () => '1000000000', before: 0, from: 86_400, to: 86_400 },
    { name: 'a negative value', status: 503, value: () => '-120', before: 0, from: 5, to: 5.5 },
    { name: 'a fraction', status: 503, value: () => '120.5', before: 0, from: 5, to: 5.5 },
    { name: 'words', status: 503, value: () => 'two minutes', before: 0, from: 5, to: 5.5 },
    { name: 'nothing', status: 503, value: () => '', before: 0, from: 5, to: 5.5 },
    { name: 'a past date', status: 503, value: tenMinutesAgo, before: 0, from: 5, to: 5.5 },
    { name: 'no date', status: 503, value: () => 'Tomorrow, 32 Foo 2026', before: 0, from: 5, to: 5.5 },
  ]
  /** When the requests of each case came. */
  const moments = new Map<number, number[]>()

  beforeAll(async () => {
    account = await service.account()
    await service.endpoint(account, receiver)
    receiver.answer((response, { body }) => {
      const { n } = JSON.parse(body.toString())
      const seen = moments.get(n) ?? []
      moments.set(n, [...seen, service.clock.now().getTime()])
      const wanted = cases[n]
      if (!wanted || seen.length > wanted.before) response.writeHead(200).end()
      else if (seen.length < wanted.before) response.writeHead(503).end()
      else response.writeHead(wanted.status, { 'retry-after': wanted.value() }).end()
    })
    await service.messages(
      account,
      cases.map((_, n) => ({ n })),
    )
    await service.advance({ hours: 25 })
  })

  test.each(cases.map((wanted, n) => ({ n, ...wanted })))('$name: $from s to $to s', ({ n, before, from, to }) => {
    const seen = moments.get(n) ?? []
    expect(seen).toHaveLength(before + 2)
    const waitedS = ((seen[before + 1] ?? 0) - (seen[before] ?? 0)) / 1_000
    expect(waitedS).toBeGreaterThanOrEqual(from)
    expect(waitedS).toBeLessThanOrEqual(to + LAG_S)
  })
})
