import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Receiver, startReceiver } from '../receiver.ts'
import { type TestAccount, TestService } from '../service.ts'

/**
 * How an endpoint ends, by request or by its failures, in whatever process (webhook-api 10.4, 11). Seen to fail when marks
 * are not obeyed (`Lane.cancels`, `#followMark`), and when the failure clock never disables.
 */

let receiver: Receiver
let api: TestService
let worker: TestService
let account: TestAccount

/** The API and the worker are processes apart, so that what changes has to get across. */
beforeEach(async () => {
  receiver = await startReceiver()
  api = await TestService.start({ receivers: [receiver], environment: { ROLES: 'api' } })
  worker = await startWorker()
  account = await api.account()
})
afterEach(async () => {
  await worker.close()
  await api.close()
  await receiver.close()
})

async function startWorker(): Promise<TestService> {
  return await TestService.start({ receivers: [receiver], environment: { ROLES: 'worker' }, beside: api })
}

async function endpointOf(settings: object): Promise<string> {
  const { id } = await api.endpoint(account, receiver, settings)
  await receiver.received(1)
  await worker.settled()
  return id
}

function pathOf(endpointId: string): string {
  return `/api/v1/app/${account.id}/endpoint/${endpointId}`
}

async function statusesOf(id: string, query: string): Promise<number[]> {
  const { data } = await api.ok('GET', `/api/v1/app/${account.id}/attempt/msg/${id}${query}`)
  return data.map(({ status }: { status: number }) => status).toReversed()
}

describe('45: what is planned', () => {
  test.each([
    { name: 'disabling', end: (path: string) => api.ok('PATCH', path, { disabled: true }) },
    { name: 'deleting', end: (path: string) => api.ok('DELETE', path) },
    {
      name: 'cancel-msgs',
      end: (path: string) => api.ok('POST', `${path}/cancel-msgs`, { createdBefore: api.clock.now().toISOString() }),
    },
  ])('$name cancels it: no attempt starts more than 1 s later, and rows say so', async ({ end }) => {
    const endpointId = await endpointOf({ maxConcurrency: 1, retrySchedule: [60, 60], timeoutMs: 30_000 })
    const held: (() => void)[] = []
    receiver.answer(503, (response) => void held.push(() => response.writeHead(503).end()), 200)
    const ids = await api.messages(
      account,
      Array.from({ length: 30 }, (_, n) => ({ n })),
    )
    await receiver.until(() => receiver.events.length === 2)
    api.clock.advanceMs(4) // what is canceled was made before this moment
    await end(pathOf(endpointId))
    api.clock.advanceMs(1_000)
    for (const answer of held) answer()
    await worker.advance({ minutes: 10 })

    expect(receiver.events).toHaveLength(2)
    const [retried, underWay, ...waiting] = ids
    for (const id of [retried, underWay]) {
      expect(await statusesOf(id ?? '', '?expanded_statuses=true')).toEqual([2, 4])
      expect(await statusesOf(id ?? '', '')).toEqual([2, 0])
    }
    for (const id of waiting) {
      expect(await statusesOf(id, '?expanded_statuses=true')).toEqual([4])
      expect(await statusesOf(id, '')).toEqual([0])
    }
  })

  test('enabling again does not bring it back, and a message accepted right after the answer is delivered', async () => {
    const endpointId = await endpointOf({ retrySchedule: [60] })
    receiver.answer(503)
    const canceled = await api.message(account)
    await receiver.until(() => receiver.events.length === 1)
    await worker.settled()
    receiver.answer(200)
    const expected = [canceled.id]
    for (let round = 0; round < 10; round += 1) {
      api.clock.advanceMs(4) // ids, and what they say of their time, are cut to 4 ms
      await api.ok('PATCH', pathOf(endpointId), { disabled: true })
      await api.ok('PATCH', pathOf(endpointId), { disabled: false })
      expected.push((await api.message(account, { payload: { round } })).id)
      await receiver.until(() => receiver.events.length === expected.length)
    }
    await worker.advance({ minutes: 5 })
    expect(receiver.events.map(({ messageId }) => messageId)).toEqual(expected)
  })
})

describe('46: the failure clock', () => {
  const HOUR_MS = 3_600_000

  // biome-ignore lint/suspicious/noExplicitAny: the endpoint as answered
  async function endpointNow(endpointId: string): Promise<any> {
    return await api.ok('GET', pathOf(endpointId))
  }

  /** Sends a message every so many hours, over so many of them; one attempt each. */
  async function send(everyHours: number, hours: number): Promise<void> {
    const until = api.clock.now().getTime() + hours * HOUR_MS
    while (api.clock.now().getTime() < until) {
      const count = receiver.events.length
      await api.message(account)
      await receiver.until(() => receiver.events.length > count)
      await worker.advance({ hours: everyHours })
    }
  }

  test('disables after 5 days of failures and not before, also when every process is restarted meanwhile', async () => {
    const endpointId = await endpointOf({ retrySchedule: [] })
    receiver.answer(500)
    const startedAt = api.clock.now()
    await send(8, 48)
    await worker.close()
    worker = await startWorker()
    await send(8, 48)
    await worker.close()
    worker = await startWorker()
    await send(8, 16)
    // 4 days and 16 hours; the next failures are at 4 d 16 h and, at last, at 5 d
    const before = await endpointNow(endpointId)
    expect(before.disabled).toBe(false)
    expect(Math.abs(new Date(before.failingSince).getTime() - startedAt.getTime())).toBeLessThan(60_000)
    await worker.advance({ seconds: 1 }) // the clock runs from the end of the first failure, some ms after its start
    await send(8, 16)
    expect(await endpointNow(endpointId)).toMatchObject({ disabled: true, disabledReason: 'failures' })
    const count = receiver.events.length
    await api.message(account)
    await worker.advance({ hours: 1 })
    expect(receiver.events).toHaveLength(count)
  })

  test('is cleared by one success at day 4.9', async () => {
    const endpointId = await endpointOf({ retrySchedule: [] })
    receiver.answer(500)
    await send(9, 117)
    receiver.answer(200, 500)
    await send(1, 1)
    expect((await endpointNow(endpointId)).failingSince).toBeNull()
    await send(6, 18)
    expect(await endpointNow(endpointId)).toMatchObject({ disabled: false })
  })

  test('does not disable for 9 failures over 6 days; the 10th does', async () => {
    const endpointId = await endpointOf({ retrySchedule: [] })
    receiver.answer(500)
    await send(18, 8 * 18)
    expect(receiver.events).toHaveLength(8)
    await send(1, 1)
    expect(await endpointNow(endpointId)).toMatchObject({ disabled: false })
    await send(1, 1)
    expect(await endpointNow(endpointId)).toMatchObject({ disabled: true, disabledReason: 'failures' })
  })

  test('is cleared by enabling', async () => {
    const endpointId = await endpointOf({ retrySchedule: [] })
    receiver.answer(410)
    await api.message(account)
    await receiver.until(() => receiver.events.length === 1)
    await worker.settled()
    expect(await endpointNow(endpointId)).toMatchObject({ disabled: true })
    const enabled = await api.ok('PATCH', pathOf(endpointId), { disabled: false })
    expect(enabled).toMatchObject({ disabled: false, disabledReason: null, failingSince: null })
  })
})
