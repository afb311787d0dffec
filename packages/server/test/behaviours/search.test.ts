import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Json } from '../attempt-world.ts'
import { type Receiver, startReceiver } from '../receiver.ts'
import { type TestAccount, TestService } from '../service.ts'

/** Looking for messages, and whether one would be delivered (webhook-api 8). */

let receiver: Receiver
let service: TestService
let account: TestAccount
let path: string

beforeAll(async () => {
  receiver = await startReceiver()
  service = await TestService.start({ receivers: [receiver] })
  account = await service.account()
  path = `/api/v1/app/${account.id}`
  await service.ok('POST', '/api/v1/event-type', { name: 'order.paid', description: '', groupName: 'order' })
  for (let index = 0; index < 12; index += 1) {
    const eventType = index % 2 === 0 ? 'order.paid' : 'a.made'
    await service.message(account, {
      eventType,
      payload: { index },
      channels: [`c${index % 3}`],
      tags: [`t${index % 4}`],
    })
    service.clock.advanceMs(60_000)
  }
})
afterAll(async () => {
  await service.close()
  await receiver.close()
})

async function search(body?: object): Promise<Json> {
  return await service.ok('POST', `${path}/msg/search`, body)
}

test('16: a search finds what the list with the same filters has, without payloads unless asked', async () => {
  const after = new Date(service.clock.now().getTime() - 8 * 60_000).toISOString()
  for (const filter of [
    {},
    { event_types: ['order'] },
    { event_types: ['a.made', 'order.paid'], channel: 'c1' },
    { tag: 't3' },
    { after },
    { before: after, limit: 3 },
  ]) {
    const query = new URLSearchParams(
      Object.entries(filter).map(([name, value]): [string, string] => [name, String(value)]),
    )
    const list = await service.ok('GET', `${path}/msg?${query.toString()}`)
    expect(await search({ ...filter, with_content: true }), JSON.stringify(filter)).toEqual(list)
    expect((await search(filter)).data.map(({ payload }: Json) => payload)).toEqual(list.data.map(() => ({})))
  }
  expect((await search()).data).toHaveLength(12)
})

test('14: a search is paged forward and back by its iterators', async () => {
  const { data: all } = await search()
  const first = await search({ limit: 5 })
  const second = await search({ limit: 5, iterator: first.iterator })
  expect([...first.data, ...second.data]).toEqual(all.slice(0, 10))
  expect(first.done).toBe(false)
  expect((await search({ limit: 5, iterator: second.prevIterator })).data).toEqual(first.data)
  for (const body of [{ limit: 0 }, { limit: 251 }, { iterator: 'msg_x' }, { before: 'yesterday' }, { limit: '5' }]) {
    const { status, body: answer } = await service.call('POST', `${path}/msg/search`, body)
    expect([status, answer.detail[0].loc[1]]).toEqual([422, Object.keys(body)[0]])
  }
})

test('a precheck tells whether an enabled endpoint would get it', async () => {
  const active = async (eventType: string, channels?: string[]) => {
    const answer = await service.ok('POST', `${path}/msg/precheck/active`, {
      eventType,
      ...(channels ? { channels } : {}),
    })
    return answer.active
  }
  expect(await active('order.paid')).toBe(false)
  const { url } = receiver
  const endpoint = await service.ok('POST', `${path}/endpoint`, { url, eventTypes: ['order'], channels: ['c1'] })
  expect(await active('order.paid', ['c1', 'c2'])).toBe(true)
  expect(await active('order.paid', ['c2'])).toBe(false)
  expect(await active('order.paid')).toBe(false)
  expect(await active('a.made', ['c1'])).toBe(false)
  await service.ok('PATCH', `${path}/endpoint/${endpoint.id}`, { disabled: true })
  expect(await active('order.paid', ['c1'])).toBe(false)
  const token = await service.token(account)
  const refused = await service.call('POST', `${path}/msg/precheck/active`, { eventType: 'a' }, { token })
  expect(refused.status).toBe(403)
})
