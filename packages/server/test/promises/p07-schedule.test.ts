import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Receiver, startReceiver } from '../receiver.ts'
import { type TestAccount, TestService } from '../service.ts'

/**
 * P7: a retry is never early, and late only by jitter and a stated lag. Seen to fail when
 * - jitter is subtracted (`retryDelayMs`), or is more than a tenth of the wait;
 * - a wait counts from the start of the failed attempt;
 * - the attempts made are not stored with the next due time (`later` in `recordAttempts`): the schedule starts again.
 */

const WAITS_S = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
const LAG_MS_MAX = 2_000

let receiver: Receiver
let service: TestService
let account: TestAccount
let chance: number
/** When each request of the message came, and when it was answered. */
let moments: { askedAtMs: number; answeredAtMs: number }[]

beforeEach(async () => {
  chance = 0.5
  moments = []
  receiver = await startReceiver()
  service = await TestService.start({ receivers: [receiver], overrides: { random: () => chance } })
  account = await service.account()
})
afterEach(async () => {
  await service.close()
  await receiver.close()
})

/** Fails every attempt, 300 ms of the clock after it came. */
function refuse(): void {
  receiver.answer((response) => {
    const askedAtMs = service.clock.now().getTime()
    service.clock.advanceMs(300)
    moments.push({ askedAtMs, answeredAtMs: service.clock.now().getTime() })
    response.writeHead(503).end()
  })
}

function waits(): number[] {
  return moments.slice(1).map(({ askedAtMs }, index) => askedAtMs - (moments[index]?.answeredAtMs ?? 0))
}

function expectSchedule(jitter: { from: number; to: number }): void {
  expect(moments).toHaveLength(10)
  waits().forEach((waitMs, index) => {
    const baseMs = (WAITS_S[index] ?? 0) * 1_000
    expect(waitMs).toBeGreaterThanOrEqual(baseMs * (1 + jitter.from))
    expect(waitMs).toBeLessThanOrEqual(baseMs * (1 + jitter.to) + LAG_MS_MAX)
  })
}

async function expectDeadLetter(messageId: string): Promise<void> {
  const attempts = await service.attempts(account, messageId)
  expect(attempts.map(({ attemptNumber, status }) => [attemptNumber, status])).toEqual(
    Array.from({ length: 10 }, (_, index) => [index + 1, 2]),
  )
  expect(attempts.map(({ nextAttempt }) => nextAttempt)).toEqual(Array.from({ length: 10 }, () => null))
  const [destination] = await service.destinations(account, messageId)
  expect([destination.status, destination.statusText, destination.nextAttempt]).toEqual([2, 'fail', undefined])
}

describe('33: the default schedule', () => {
  test.each([
    { name: 'without jitter', random: 0, from: 0, to: 0 },
    { name: 'with most of it', random: 0.999999, from: 0.0999, to: 0.1 },
  ])('is ten attempts at the stated waits, then a dead letter, $name', async ({ random, from, to }) => {
    chance = random
    await service.endpoint(account, receiver)
    refuse()
    const { id } = await service.message(account)
    await service.advance({ hours: 84 })
    expectSchedule({ from, to })
    await service.advance({ days: 3 })
    expect(moments).toHaveLength(10)
    await expectDeadLetter(id)
  })

  test('goes on where it was in another process', async () => {
    const worker = { receivers: [receiver], environment: { ROLES: 'worker' }, overrides: { random: () => chance } }
    const api = await TestService.start({ receivers: [receiver], environment: { ROLES: 'api' } })
    await service.close()
    service = api
    const first = await TestService.start({ ...worker, beside: api })
    account = await api.account()
    await api.endpoint(account, receiver)
    await receiver.received(1)
    await first.settled()
    refuse()
    const { id } = await api.message(account)
    await receiver.received(2)
    await first.advance({ minutes: 10 })
    expect(moments).toHaveLength(3)

    const second = await TestService.start({ ...worker, beside: api })
    await first.close()
    await expect.poll(() => second.app.worker?.ownership.shardCount).toBe(256)
    await second.advance({ hours: 84 })
    expectSchedule({ from: 0, to: 0.1 })
    await expectDeadLetter(id)
    await second.close()
  })
})
