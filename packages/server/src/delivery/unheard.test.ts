import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import { type TestAccount, TestService } from '../../test/service.ts'
import { startUnheardWorker } from '../../test/unheard-worker.ts'
import type { LaneName } from './lanes.ts'
import type { DeliveryWorker } from './worker.ts'

/**
 * What other processes do, and a worker does not hear of in time. Seen to fail when it cancels by what it read of an endpoint
 * before the delivery came (`Lane.mayBeEnabled`), and when it sends what it is handed in order of its coming.
 */

let receiver: Receiver
let api: TestService
let account: TestAccount
let worker: DeliveryWorker
let close: () => Promise<void>

beforeEach(async () => {
  receiver = await startReceiver()
  api = await TestService.start({ receivers: [receiver], environment: { ROLES: 'api' } })
  account = await api.account()
  const started = await startUnheardWorker(api, receiver)
  worker = started.worker
  close = started.close
})
afterEach(async () => {
  await close()
  await api.close()
  await receiver.close()
})

/** An endpoint of which the worker has not heard. */
async function endpointOf(settings: object): Promise<LaneName> {
  const { id: endpointId } = await api.endpoint(account, receiver, settings)
  const [endpoint] = await api.database.open('migrate').query<{ shard: number }>`
    update endpoint set proven_at = ${api.clock.now()} where id = ${endpointId} returning shard`
  return { accountId: account.id, endpointId, shard: endpoint?.shard ?? 0 }
}

async function hear(lane: LaneName, isChanged: boolean): Promise<void> {
  worker.hint([{ ...lane, isChanged }])
  await worker.settled()
}

function sent(): string[] {
  return receiver.events.map(({ messageId }) => messageId)
}

test('what is accepted once an endpoint is enabled again is delivered by who knows it as disabled', async () => {
  const lane = await endpointOf({})
  const path = `/api/v1/app/${account.id}/endpoint/${lane.endpointId}`
  await hear(lane, true)
  await api.ok('PATCH', path, { disabled: true })
  await hear(lane, true)
  expect(worker.lanes.map(({ target }) => target?.disabled)).toEqual([true])

  api.clock.advanceMs(4) // ids, and what they say of their time, are cut to 4 ms
  await api.ok('PATCH', path, { disabled: false })
  const { id } = await api.message(account)
  await hear(lane, false)
  expect(sent()).toEqual([id])
})

test.each([true, false])(
  'fifo (known before: %s): what another process has accepted earlier goes first',
  async (isKnown) => {
    const lane = await endpointOf({ ordering: 'fifo' })
    if (isKnown) await hear(lane, true)
    const first = await api.message(account)
    api.clock.advanceMs(4)
    const second = await api.message(account)
    const [handed] = await api.database.open('migrate').query<{ deliveryId: string; createdAt: Date }>`
    select delivery_id as "deliveryId", created_at as "createdAt" from pending where event_id = ${second.id}`
    if (!handed) throw new Error('nothing is pending')
    const { accountId, endpointId, shard } = lane
    worker.take([
      {
        ...handed,
        accountId,
        endpointId,
        shard,
        eventId: second.id,
        cause: 'event',
        dueAt: handed.createdAt,
        payload: Buffer.from('{}'),
        contentType: null,
        signing: null,
        requestedBy: null,
        bundle: null,
      },
    ])
    await worker.settled()
    expect(sent()).toEqual([first.id, second.id])
  },
)
