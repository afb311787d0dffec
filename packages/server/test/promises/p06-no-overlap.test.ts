import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { withClient } from '#src/adapters/postgres/client.ts'
import type { LeaseTimes } from '#src/delivery/ownership.ts'
import { type Receiver, startReceiver } from '../receiver.ts'
import { type TestAccount, TestService } from '../service.ts'
import { ServiceHome, ServiceProcess } from '../service-process.ts'

/**
 * P6: attempts of one delivery never overlap; only a frozen process can break this, and its late result is refused.
 * Seen to fail when
 * - records are not fenced (`hold_shards` answers all that was asked for);
 * - the lease is not asked for once more before a request is written (`mayWrite`).
 */

/** Renews nothing and notices nothing by itself: as a frozen process. */
const FROZEN: LeaseTimes = {
  leaseMs: 60_000,
  heartbeatMs: 3_600_000,
  selfStopMs: 3_600_000,
  startMs: 3_600_000,
  lookMs: 3_600_000,
}
const SHORT_LEASES: LeaseTimes = { leaseMs: 2_000, heartbeatMs: 250, selfStopMs: 1_600, startMs: 1_200, lookMs: 100 }

let receiver: Receiver

beforeEach(async () => {
  receiver = await startReceiver()
})
afterEach(() => receiver.close())

describe('a worker that is held past its lease', () => {
  let service: TestService
  let successor: TestService | undefined
  let account: TestAccount
  let heldAt: string | undefined
  let isHeld: PromiseWithResolvers<void>
  let thaw: PromiseWithResolvers<void>

  async function start(leaseTimes: LeaseTimes): Promise<void> {
    heldAt = undefined
    isHeld = Promise.withResolvers<void>()
    thaw = Promise.withResolvers<void>()
    const failpoint = (name: string) => {
      if (name !== heldAt) return undefined
      isHeld.resolve()
      return thaw.promise
    }
    service = await TestService.start({ receivers: [receiver], overrides: { leaseTimes, failpoint } })
    account = await service.account()
    await service.endpoint(account, receiver, { retrySchedule: [60] })
  }

  /** Its lease ends, and another process takes everything over. */
  async function takeOver(): Promise<TestService> {
    await withClient(
      service.database.superuserConnection,
      { applicationName: 'test', statementTimeoutMs: 30_000 },
      (client) => client.query(`update worker set lease_until = clock_timestamp() - interval '1 second'`),
    )
    const taker = await TestService.start({ receivers: [receiver], beside: service })
    successor = taker
    await expect.poll(() => taker.app.worker?.ownership.shardCount).toBe(256)
    return taker
  }

  afterEach(async () => {
    await successor?.close()
    await service.close()
  })

  test('between answer and record: its late result is refused, and the taker’s stands', async () => {
    await start(FROZEN)
    heldAt = 'send.after_response'
    receiver.answer(200, 503, 200)
    const { id } = await service.message(account)
    await receiver.until(() => receiver.events.length === 1)
    const taker = await takeOver()
    await receiver.until(() => receiver.events.length === 2)
    await taker.settled()
    thaw.resolve()
    await service.settled()

    expect(service.logLines.join('')).toContain('delivery.stale_refused')
    expect((await taker.attempts(account, id)).map(({ status }) => status)).toEqual([2])
    expect((await taker.destinations(account, id))[0]).toMatchObject({ status: 3 })
    await service.app.close() // it would go on as the owner for an hour
    await taker.advance({ seconds: 70 })
    expect((await taker.attempts(account, id)).map(({ status }) => status)).toEqual([2, 0])
    expect(receiver.events).toHaveLength(3)
    expect(receiver.overlaps).toEqual([])
  })

  test('before it writes its request: it writes nothing', async () => {
    const leaseTimes = { ...FROZEN }
    await start(leaseTimes)
    heldAt = 'send.before_write'
    const { id } = await service.message(account)
    await isHeld.promise
    leaseTimes.startMs = -1 // it has been held for too long
    expect(service.app.worker?.ownership.mayStart()).toBe(false)
    const taker = await takeOver()
    await receiver.until(() => receiver.events.length === 1)
    await taker.settled()
    thaw.resolve()
    await expect.poll(() => service.app.worker?.load.inFlight).toBe(0)

    expect(receiver.events.map(({ messageId }) => messageId)).toEqual([id])
    expect((await taker.attempts(account, id)).map(({ status }) => status)).toEqual([0])
  })
})

test('a process that is frozen past its lease and woken has no effect on what was taken over', async () => {
  const home = await ServiceHome.testRun()
  const options = { receivers: [receiver], leaseTimes: SHORT_LEASES }
  const patient = { ...SHORT_LEASES, leaseMs: 60_000, selfStopMs: 50_000, startMs: 40_000 }
  const frozen = await ServiceProcess.killable(home, options)
  const account = await frozen.account()
  await frozen.endpoint(account, receiver, { retrySchedule: [1, 1, 1] })
  receiver.answer(
    (response) => {
      // its answer comes while it cannot read it
      frozen.signal('SIGSTOP')
      response.writeHead(200).end()
    },
    503,
    200,
  )
  const { id } = await frozen.message(account)
  await receiver.until(() => receiver.events.length === 1)
  const taker = await ServiceProcess.killable(home, { ...options, leaseTimes: patient })
  await receiver.until(() => receiver.events.length === 2)
  frozen.signal('SIGCONT')
  await receiver.until(() => receiver.events.length === 3)
  await expect.poll(async () => (await taker.attempts(account, id)).map(({ status }) => status)).toEqual([2, 0])

  // it comes back as somebody new, and does its share
  const taken = () => frozen.log.filter(({ event }) => event === 'lease.shards_taken').length
  await expect.poll(taken).toBeGreaterThanOrEqual(2)
  expect(frozen.log.some(({ event }) => event === 'lease.lost')).toBe(true)
  expect(receiver.events).toHaveLength(3)
  expect(receiver.overlaps).toEqual([])
  await Promise.all([frozen.close(), taker.close()])
  await home.remove()
})
