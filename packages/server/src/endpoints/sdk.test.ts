import { Svix } from 'svix'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import { type TestAccount, TestService } from '../../test/service.ts'

let service: TestService
let receiver: Receiver
let account: TestAccount
let svix: Svix

beforeAll(async () => {
  receiver = await startReceiver()
  service = await TestService.start({ receivers: [receiver] })
  account = await service.account()
  svix = new Svix(service.keys.production, { serverUrl: service.app.url ?? '' })
})
afterAll(async () => {
  await service.close()
  await receiver.close()
})

test('2: the official SDK makes, lists, reads, changes and deletes endpoints', async () => {
  const { endpoint } = svix
  const made = await endpoint.create(account.id, { url: receiver.url, uid: 'main', eventTypes: ['producersync'] })
  expect(made).toMatchObject({ uid: 'main', eventTypes: ['producersync'], createdAt: service.clock.now() })
  await service.ok('PATCH', `/api/v1/app/${account.id}/endpoint/main`, { timeoutMs: 7000, ordering: 'fifo' })

  const { data, done } = await endpoint.list(account.id, { limit: 1 })
  expect([data.map(({ id }) => id), done]).toEqual([[made.id], true])
  expect(await endpoint.get(account.id, 'main')).toMatchObject({ id: made.id })
  expect(await endpoint.patch(account.id, 'main', { description: 'x', eventTypes: null })).toMatchObject({
    description: 'x',
    eventTypes: null,
  })
  const put = await endpoint.upsert(account.id, 'main', { url: receiver.url, throttleRate: 5 })
  expect(put).toMatchObject({ id: made.id, description: '', throttleRate: 5 })
  // what the SDK does not know of is left as it was
  expect(await service.ok('GET', `/api/v1/app/${account.id}/endpoint/main`)).toMatchObject({
    timeoutMs: 7000,
    ordering: 'fifo',
  })

  await endpoint.setHeaders(account.id, 'main', { headers: { 'X-A': '1', Authorization: 'b' } })
  await endpoint.patchHeaders(account.id, 'main', { headers: { 'x-b': '2' }, deleteHeaders: ['X-A'] })
  expect(await endpoint.getHeaders(account.id, 'main')).toEqual({
    headers: { 'x-b': '2' },
    sensitive: ['Authorization'],
  })

  const { key } = await endpoint.getSecret(account.id, 'main')
  await endpoint.rotateSecret(account.id, 'main', {})
  expect((await endpoint.getSecret(account.id, 'main')).key).not.toBe(key)

  const example = await endpoint.sendExample(account.id, 'main', { eventType: 'producersync.npn.activated' })
  expect(example).toMatchObject({ eventType: 'producersync.npn.activated', payload: { data: { npn: '912484758' } } })
  await endpoint.delete(account.id, 'main')
  await expect(endpoint.get(account.id, 'main')).rejects.toMatchObject({ code: 404 })
})

test('2: the official SDK makes, lists, reads, changes and deletes event types', async () => {
  const { eventType } = svix
  const schemas = { 1: { type: 'object' } }
  const made = await eventType.create({ name: 'thing.made', description: 'x', groupName: 'things', schemas })
  expect(made).toMatchObject({ name: 'thing.made', groupName: 'things', schemas })
  await expect(eventType.create({ name: 'thing.made', description: 'x' })).rejects.toMatchObject({
    code: 409,
    body: { code: 'event_type_exists' },
  })
  expect((await eventType.list()).data.map(({ name }) => name)).toContain('thing.made')
  expect(await eventType.get('thing.made')).toEqual(made)
  expect(await eventType.patch('thing.made', { deprecated: true })).toMatchObject({
    deprecated: true,
    description: 'x',
  })
  expect(await eventType.upsert('thing.made', { description: 'y' })).toMatchObject({
    deprecated: false,
    description: 'y',
  })
  await eventType.delete('thing.made')
  expect(await eventType.get('thing.made')).toMatchObject({ archived: true })
  await eventType.delete('thing.made', { expunge: true })
  await expect(eventType.get('thing.made')).rejects.toMatchObject({ code: 404 })
})
