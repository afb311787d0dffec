import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import { type TestAccount, TestService } from '../../test/service.ts'
import { startUnheardWorker } from '../../test/unheard-worker.ts'

let api: TestService
let receiver: Receiver
let account: TestAccount

beforeEach(async () => {
  receiver = await startReceiver()
  api = await TestService.start({ receivers: [receiver], environment: { ROLES: 'api' } })
  account = await api.account()
  await api.ok('POST', `/api/v1/app/${account.id}/endpoint`, { url: receiver.url })
  await api.database.open('migrate').query`update endpoint set proven_at = ${api.clock.now()}`
})
afterEach(async () => {
  await api.close()
  await receiver.close()
})

/** All shards as if their owner had just died, with what was under way noted. */
async function ownerDied(deathsBefore: number, inHand: string | null): Promise<void> {
  await api.database.open('migrate').query`
    update shard set owner = ${randomUUID()}, deaths = ${deathsBefore}, deaths_since = clock_timestamp(),
                     in_hand = case when exists (select from pending p where p.shard = number and p.delivery_id = ${inHand}::uuid)
                                    then ${inHand}::uuid end`
}

async function deliveryOf(messageId: string): Promise<string> {
  const [row] = await api.database.open('migrate').query<{ delivery_id: string }>`
    select delivery_id from pending where event_id = ${messageId}`
  return row?.delivery_id ?? ''
}

async function attemptsOf(messageId: string) {
  return await api.database.open('migrate').query<{ outcome: string; state: string }>`
    select outcome, state from attempt where event_id = ${messageId} order by id`
}

test('F44: the delivery under way when careful owners die is charged a failed attempt, and others go on', async () => {
  const poison = await api.message(account)
  const other = await api.message(account)
  await ownerDied(4, await deliveryOf(poison.id))
  const worker = await TestService.start({ receivers: [receiver], environment: { ROLES: 'worker' }, beside: api })
  await worker.settled()
  await receiver.received(2) // the test request, and the other message
  await worker.settled()
  expect(await attemptsOf(poison.id)).toEqual([{ outcome: 'interrupted', state: 'pending' }])
  expect(await attemptsOf(other.id)).toEqual([{ outcome: 'responded', state: 'delivered' }])
  await worker.advance({ seconds: 6 })
  expect(await attemptsOf(poison.id)).toEqual([
    { outcome: 'interrupted', state: 'pending' },
    { outcome: 'responded', state: 'delivered' },
  ])
  await worker.close()
})

test('a careful shard has one attempt under way at a time, noted before it starts', async () => {
  const messages = [await api.message(account), await api.message(account), await api.message(account)]
  await ownerDied(4, null)
  const noted: number[] = []
  let underWay = 0
  let most = 0
  const worker = await TestService.start({
    receivers: [receiver],
    environment: { ROLES: 'worker' },
    beside: api,
    overrides: {
      failpoint: async (name) => {
        if (name === 'send.before_write') {
          underWay += 1
          most = Math.max(most, underWay)
          const rows = await api.database.open('migrate').query`select from shard where in_hand is not null`
          noted.push(rows.length)
        }
        if (name === 'send.after_response') underWay -= 1
      },
    },
  })
  await receiver.received(messages.length + 1)
  await worker.settled()
  expect(most).toBe(1)
  expect(noted).toEqual([1, 1, 1, 1])
  await worker.close()
})

test('an attempt cut off by a crash uses up no wait while owners do not die again and again', async () => {
  const message = await api.message(account)
  await ownerDied(1, null)
  const worker = await TestService.start({ receivers: [receiver], environment: { ROLES: 'worker' }, beside: api })
  await receiver.received(2)
  await worker.settled()
  expect(await attemptsOf(message.id)).toEqual([{ outcome: 'responded', state: 'delivered' }])
  await worker.close()
})

test('what is sent again before it can be charged is not charged as well', async () => {
  const { id } = await api.message(account)
  const deliveryId = await deliveryOf(id)
  await ownerDied(4, deliveryId)
  const mayCharge = Promise.withResolvers<void>()
  const { worker, close } = await startUnheardWorker(api, receiver, async (keys) => {
    if (keys.some((key) => 'deliveryId' in key)) await mayCharge.promise // asked for what is to be charged, not for lanes
  })
  const [lane] = await api.database.open('migrate').query<{ accountId: string; endpointId: string; shard: number }>`
    select account_id as "accountId", endpoint_id as "endpointId", shard from pending where delivery_id = ${deliveryId}`
  worker.hint(lane ? [{ ...lane, isChanged: false }] : [])
  await receiver.received(2) // the test request, and the message
  mayCharge.resolve()
  await expect.poll(() => attemptsOf(id)).toEqual([{ outcome: 'responded', state: 'delivered' }])
  await worker.settled()
  expect(await attemptsOf(id)).toEqual([{ outcome: 'responded', state: 'delivered' }])
  await close()
})
