import { expect, test } from 'vitest'
import { startReceiver } from '../receiver.ts'
import { ServiceHome, ServiceProcess } from '../service-process.ts'

test('the data folder of a service that was stopped, copied whole, goes on elsewhere: what was planned is sent, keys open, ids are the same', async () => {
  const receiver = await startReceiver()
  const first = ServiceHome.embedded()
  const former = await ServiceProcess.main(first, { receivers: [receiver] })
  const account = await former.account()
  await former.endpoint(account, receiver, { retrySchedule: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1] })
  const before = await former.message(account)
  await receiver.until(() => receiver.events.some(({ messageId }) => messageId === before.id))
  receiver.answer(503)
  const planned = await former.message(account)
  await receiver.until(() => receiver.events.some(({ messageId }) => messageId === planned.id))
  expect(await former.end()).toMatchObject({ code: 0 })

  const second = ServiceHome.embedded(first)
  await first.remove()
  receiver.reset()
  const service = await ServiceProcess.main(second, { receivers: [receiver] })
  try {
    // keys are found by their hashes, secrets by the master key, which lies in the folder
    await receiver.until(() => receiver.events.some(({ messageId }) => messageId === planned.id))
    const { data } = await service.ok('GET', `/api/v1/app/${account.id}/msg`, undefined, { token: account.key })
    expect(data.map(({ id }: { id: string }) => id)).toEqual(expect.arrayContaining([before.id, planned.id]))
    expect(receiver.events.filter(({ messageId }) => messageId === before.id)).toEqual([])
  } finally {
    await service.close()
    await second.remove()
    await receiver.close()
  }
})
