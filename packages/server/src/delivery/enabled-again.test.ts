import { expect, test } from 'vitest'
import { startReceiver } from '../../test/receiver.ts'
import { TestService } from '../../test/service.ts'
import { startUnheardWorker } from '../../test/unheard-worker.ts'

/** Seen to fail when a worker cancels by what it read of an endpoint before the delivery came (`Lane.mayBeEnabled`). */

test('what is accepted once an endpoint is enabled again is delivered by who knows it as disabled', async () => {
  const receiver = await startReceiver()
  const api = await TestService.start({ receivers: [receiver], environment: { ROLES: 'api' } })
  const account = await api.account()
  const { id: endpointId } = await api.endpoint(account, receiver)
  const path = `/api/v1/app/${account.id}/endpoint/${endpointId}`
  const { worker, close } = await startUnheardWorker(api, receiver)
  await receiver.received(1)
  await worker.settled()
  const [lane] = worker.lanes
  if (!lane) throw new Error('no lane')
  const { shard } = lane
  const hint = { accountId: account.id, endpointId, shard }

  await api.ok('PATCH', path, { disabled: true })
  worker.hint([{ ...hint, isChanged: true }])
  await worker.settled()
  expect(lane.target?.disabled).toBe(true)

  api.clock.advanceMs(4) // ids, and what they say of their time, are cut to 4 ms
  await api.ok('PATCH', path, { disabled: false })
  const { id } = await api.message(account)
  worker.hint([{ ...hint, isChanged: false }])
  await worker.settled()
  expect(receiver.events.map(({ messageId }) => messageId)).toEqual([id])

  await close()
  await api.close()
  await receiver.close()
})
