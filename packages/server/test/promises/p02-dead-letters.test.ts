import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Receiver, type Reply, startReceiver } from '../receiver.ts'
import { type TestAccount, TestService } from '../service.ts'

/**
 * P2: a delivery is attempted until success, a case that is not retried, or the schedule's end; what is not delivered is
 * a visible, replayable dead letter. Seen to fail when
 * - the last attempt of a schedule deletes the delivery without a record of it (`written` in `recordAttempts`);
 * - a schedule ends one wait early (`retryDelayMs`);
 * - 410 or a stop word is retried (`endsAtOnce`).
 */

let receiver: Receiver
let service: TestService
let account: TestAccount

beforeAll(async () => {
  receiver = await startReceiver()
  service = await TestService.start({ receivers: [receiver] })
})
beforeEach(async () => {
  receiver.reset()
  account = await service.account()
})
afterAll(async () => {
  await service.close()
  await receiver.close()
})

const stopWord: Reply = (response) => response.writeHead(500, { 'webhook-delivery': 'abort-message' }).end()

describe('a message that is not delivered', () => {
  test.each<{ name: string; settings: object; reply: Reply; attempts: number }>([
    { name: 'by an endpoint that tries once', settings: { retrySchedule: [] }, reply: 500, attempts: 1 },
    { name: 'within its schedule', settings: { retrySchedule: [1, 60, 3_600] }, reply: 503, attempts: 4 },
    { name: 'as it is stopped by the receiver', settings: {}, reply: stopWord, attempts: 1 },
    { name: 'as its endpoint is gone', settings: {}, reply: 410, attempts: 1 },
  ])('$name is a visible dead letter, and a resend delivers it', async ({ settings, reply, attempts }) => {
    const endpoint = await service.endpoint(account, receiver, settings)
    receiver.answer(reply)
    const { id } = await service.message(account)
    await service.advance({ days: 1 })
    expect(receiver.events).toHaveLength(attempts)

    const made = await service.attempts(account, id)
    expect(made.map(({ attemptNumber, status }) => [attemptNumber, status])).toEqual(
      Array.from({ length: attempts }, (_, index) => [index + 1, 2]),
    )
    expect(made.at(-1)?.nextAttempt).toBeNull()
    const [destination] = await service.destinations(account, id)
    expect(destination).toMatchObject({ id: endpoint.id, status: 2, statusText: 'fail' })
    expect(destination).not.toHaveProperty('nextAttempt')
    const at = `/api/v1/app/${account.id}/endpoint/${endpoint.id}/msg`
    expect((await service.ok('GET', `${at}?status=2`)).data).toMatchObject([{ id, status: 2 }])
    expect((await service.ok('GET', `${at}?status=3`)).data).toEqual([])

    receiver.answer(200)
    await service.ok('POST', `/api/v1/app/${account.id}/msg/${id}/endpoint/${endpoint.id}/resend`)
    await service.settled()
    expect(receiver.events.map(({ messageId }) => messageId)).toEqual(Array.from({ length: attempts + 1 }, () => id))
    expect((await service.destinations(account, id))[0]).toMatchObject({ status: 0 })
    expect((await service.ok('GET', `${at}?status=2`)).data).toEqual([])
  })

  test('is seen as under way until then: sending, with the moment of the next attempt', async () => {
    await service.endpoint(account, receiver, { retrySchedule: [60] })
    receiver.answer(503)
    const { id } = await service.message(account)
    await service.settled()
    const [destination] = await service.destinations(account, id)
    expect([destination.status, destination.statusText]).toEqual([3, 'sending'])
    const dueInMs = new Date(destination.nextAttempt).getTime() - service.clock.now().getTime()
    expect(dueInMs).toBeGreaterThanOrEqual(60_000)
    const [attempt] = await service.attempts(account, id)
    expect(attempt).toMatchObject({ status: 2, nextAttempt: destination.nextAttempt })
  })
})
