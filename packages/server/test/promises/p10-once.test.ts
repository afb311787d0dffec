import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { DatabaseUnavailable } from '#src/adapters/postgres/database.ts'
import type { Answer } from '../api-client.ts'
import { type Receiver, startReceiver } from '../receiver.ts'
import { type TestAccount, TestService } from '../service.ts'

/**
 * P10: the same event published twice is one event. Seen to fail when
 * - the key row is not written with its event (`keys` in events/accept-store.ts);
 * - an event is stored although its event id is another's (`free` in events/accept-store.ts);
 * - the request's hash is not compared (`settle` in events/accept-store.ts).
 */

const PAYLOAD = { eventType: 'test.happened', payload: { n: 1 } }

let receiver: Receiver
let service: TestService
let beside: TestService
let account: TestAccount
let path: string
/** Set to make the next commit fail. */
let failure: Error | undefined

beforeAll(async () => {
  receiver = await startReceiver()
  const failpoint = (name: string) => {
    const error = failure
    if (name !== 'accept.before_commit' || !error) return undefined
    failure = undefined
    throw error
  }
  service = await TestService.start({ receivers: [receiver], overrides: { failpoint } })
  beside = await TestService.start({ receivers: [receiver], beside: service })
})
beforeEach(async () => {
  failure = undefined
  receiver.reset()
  account = await service.account()
  // on a path of its own: what the test before accepted may still come
  const { origin } = new URL(receiver.url)
  await service.endpoint(account, receiver, { url: `${origin}/${account.id}` })
  await receiver.until(() => arrivals().length === 1)
  path = `/api/v1/app/${account.id}/msg`
})
afterAll(async () => {
  await beside.close()
  await service.close()
  await receiver.close()
})

function post(body: object, key?: string, through = service): Promise<Answer> {
  return through.call('POST', path, body, { headers: key === undefined ? {} : { 'idempotency-key': key } })
}

/** In parallel, every other one through the process beside. */
async function post100(body: (n: number) => object, key: (n: number) => string | undefined): Promise<Answer[]> {
  return await Promise.all(
    Array.from({ length: 100 }, async (_, n) => await post(body(n), key(n), n % 2 === 0 ? service : beside)),
  )
}

async function messageIds(): Promise<string[]> {
  const { data } = await beside.ok('GET', `${path}?event_types=test.happened`)
  return data.map((message: { id: string }) => message.id)
}

function statuses(answers: readonly Answer[]): Record<number, number> {
  const counts: Record<number, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

function arrivals(): string[] {
  return receiver.requests.filter((request) => request.path === `/${account.id}`).map(({ messageId }) => messageId)
}

/** What the receiver got after the test request, once so many have come and nothing is under way. */
async function delivered(count: number): Promise<string[]> {
  await receiver.until(() => arrivals().length >= 1 + count)
  await service.settled()
  await beside.settled()
  return arrivals().slice(1)
}

describe('23: one Idempotency-Key', () => {
  test('100 times at once, through two processes: one message, one delivery, one answer', async () => {
    const answers = await post100(
      () => PAYLOAD,
      () => 'k',
    )
    expect(statuses(answers)).toEqual({ 202: 100 })
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
    expect(answers.filter(({ headers }) => headers.get('x-idempotent-replay') === 'true')).toHaveLength(99)
    const ids = [answers[0]?.body.id]
    expect(await messageIds()).toEqual(ids)
    expect(await delivered(1)).toEqual(ids)
  })

  test('with another body is 409, and nothing more is accepted', async () => {
    const [first, second] = [await post(PAYLOAD, 'k'), await post({ ...PAYLOAD, payload: { n: 2 } }, 'k', beside)]
    expect([first.status, second.status, second.body.code]).toEqual([202, 409, 'idempotency_key_reuse'])
    expect(await messageIds()).toEqual([first.body.id])
  })

  test('gets the first answer again after a restart', async () => {
    const before = await TestService.start({ receivers: [receiver], beside: service })
    const first = await post(PAYLOAD, 'k', before)
    await before.close()
    const again = await post(PAYLOAD, 'k')
    expect([again.status, again.text, again.headers.get('x-idempotent-replay')]).toEqual([202, first.text, 'true'])
    expect(await messageIds()).toEqual([first.body.id])
  })

  test('is kept for 12 h, then it is free again', async () => {
    const first = await post(PAYLOAD, 'k')
    await service.advance({ hours: 12, seconds: -1 })
    expect((await post(PAYLOAD, 'k')).text).toBe(first.text)
    await service.advance({ seconds: 2 })
    const second = await post(PAYLOAD, 'k')
    expect([second.status, second.body.id === first.body.id]).toEqual([202, false])
    expect(await messageIds()).toHaveLength(2)
  })

  test('is freed by a first request that failed, whether refused or lost', async () => {
    expect((await post({ eventType: 'test.happened' }, 'k')).status).toBe(422)
    failure = new DatabaseUnavailable('lost')
    expect((await post(PAYLOAD, 'k')).status).toBe(503)
    expect(await messageIds()).toEqual([])
    const { status, body, headers } = await post({ ...PAYLOAD, payload: { n: 3 } }, 'k')
    expect([status, headers.get('x-idempotent-replay')]).toEqual([202, null])
    expect(await delivered(1)).toEqual([body.id])
  })

  test('is another one for another application', async () => {
    const other = await service.account()
    const [mine, theirs] = [
      await post(PAYLOAD, 'k'),
      await service.call('POST', `/api/v1/app/${other.id}/msg`, PAYLOAD, { headers: { 'idempotency-key': 'k' } }),
    ]
    expect([mine.status, theirs.status, mine.body.id === theirs.body.id]).toEqual([202, 202, false])
  })
})

describe('25: one eventId', () => {
  const withId = (n: number) => ({ ...PAYLOAD, eventId: 'order-1', payload: { n: n % 3 } })

  test('100 times at once, through two processes, other data included: one 202, 99 times 409 with its id', async () => {
    const answers = await post100(withId, () => undefined)
    expect(statuses(answers)).toEqual({ 202: 1, 409: 99 })
    const [first] = answers.filter(({ status }) => status === 202)
    const refusals = answers.filter(({ status }) => status === 409).map(({ body }) => [body.code, body.msgId])
    expect(refusals).toEqual(Array.from({ length: 99 }, () => ['conflict', first?.body.id]))
    expect(await messageIds()).toEqual([first?.body.id])
    expect(await delivered(1)).toEqual([first?.body.id])
  })

  test('and one Idempotency-Key together, 100 times at once: one message, one answer', async () => {
    const answers = await post100(
      () => withId(1),
      () => 'k',
    )
    expect(statuses(answers)).toEqual({ 202: 100 })
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
    expect(await messageIds()).toHaveLength(1)
  })

  test('under 100 keys at once: one 202, and the keys of the others are free', async () => {
    const answers = await post100(withId, (n) => `k${n}`)
    expect(statuses(answers)).toEqual({ 202: 1, 409: 99 })
    const refused = answers.findIndex(({ status }) => status === 409)
    expect((await post({ ...PAYLOAD, payload: { another: true } }, `k${refused}`)).status).toBe(202)
  })

  test('is taken as long as its message is kept', async () => {
    const first = await post(withId(1))
    await service.advance({ days: 2 })
    const later = await post(withId(1))
    expect([later.status, later.body.msgId]).toEqual([409, first.body.id])
  })
})
