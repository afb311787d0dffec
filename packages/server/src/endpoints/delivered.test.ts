import { verify } from '@producersync/webhooks/node'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import { type TestAccount, TestService } from '../../test/service.ts'

let service: TestService
let receivers: Receiver[]
let account: TestAccount
let at: string

beforeEach(async () => {
  receivers = [await startReceiver(), await startReceiver(), await startReceiver()]
  service = await TestService.start({ receivers })
  account = await service.account()
  at = `/api/v1/app/${account.id}/endpoint`
})
afterEach(async () => {
  await service.close()
  for (const receiver of receivers) await receiver.close()
})

/** Types of the verified requests of each receiver, test requests on creation left out. */
function received(): string[][] {
  return receivers.map((receiver) =>
    receiver.verified.map(({ body }) => JSON.parse(body.toString()).type).filter((type) => type !== 'webhook.ping'),
  )
}

async function attempts(endpointId: string): Promise<object[]> {
  return await service.database.open('worker').query`
    select event_id, state, cause, number from attempt where account_id = ${account.id} and endpoint_id = ${endpointId}`
}

async function send(eventType: string, more: object = {}): Promise<void> {
  await service.message(account, { eventType, payload: { type: eventType }, ...more })
  await service.settled()
}

test('48: a new endpoint gets one webhook.ping that verifies and shows as an attempt; another URL gets another', async () => {
  const [first, second] = receivers
  if (!first || !second) throw new Error('no receivers')
  const endpoint = await service.endpoint(account, first, { eventTypes: ['producersync'] })
  expect(first.requests).toHaveLength(1)
  const { key } = await service.ok('GET', `${at}/${endpoint.id}/secret`)
  const [ping] = first.requests
  expect(ping?.headers['webhook-trigger']).toBe('test')
  const body = verify(ping?.body ?? '', ping?.headers ?? {}, { secrets: key, now: service.clock.now() })
  expect(body).toMatchObject({ id: ping?.messageId.replace('msg_', 'evt_'), type: 'webhook.ping', data: {} })
  expect(await attempts(endpoint.id)).toEqual([
    { event_id: ping?.messageId, state: 'delivered', cause: 'test', number: 0 },
  ])

  await service.ok('PATCH', `${at}/${endpoint.id}`, { description: 'x' })
  await service.settled()
  expect(first.requests).toHaveLength(1)
  second.trust(key)
  await service.ok('PATCH', `${at}/${endpoint.id}`, { url: second.url })
  await service.advance({ seconds: 3 })
  expect([first.requests.length, second.verified.length]).toEqual([1, 1])
})

test('48: a receiver that is down changes nothing about the 201, gets one attempt, and its failure clock does not start', async () => {
  const [receiver] = receivers
  await receiver?.close()
  const endpoint = await service.ok('POST', at, { url: receiver?.url })
  await service.advance({ minutes: 10 })
  expect(await attempts(endpoint.id)).toMatchObject([{ state: 'dead_letter', cause: 'test', number: 0 }])
  expect((await service.ok('GET', `${at}/${endpoint.id}`)).failingSince).toBeNull()
})

test('49: an example reaches this endpoint alone, outside its filter and while it is disabled', async () => {
  const [first, second] = receivers
  if (!first || !second) throw new Error('no receivers')
  const endpoint = await service.endpoint(account, first, { eventTypes: ['producersync.updates_available'] })
  await service.endpoint(account, second)
  await service.ok('PATCH', `${at}/${endpoint.id}`, { disabled: true })
  const message = await service.ok('POST', `${at}/${endpoint.id}/send-example`, {
    eventType: 'producersync.npn.activated',
  })
  await service.advance({ seconds: 2 })
  expect(received()).toEqual([['producersync.npn.activated'], [], []])
  expect(first.requests.at(-1)).toMatchObject({ messageId: message.id, headers: { 'webhook-trigger': 'test' } })
  expect(JSON.parse(first.requests.at(-1)?.body.toString() ?? '')).toEqual(message.payload)
})

test('31: a group is all its types, one added later too, but not the opt-in type; a sibling group gets nothing', async () => {
  const [group, optIn, sibling] = receivers
  if (!group || !optIn || !sibling) throw new Error('no receivers')
  await service.ok('POST', '/api/v1/event-type', { name: 'other.thing', description: '', groupName: 'producersync2' })
  await service.endpoint(account, group, { eventTypes: ['producersync'] })
  await service.endpoint(account, optIn, { eventTypes: ['producersync.npn.data_ready'] })
  await service.endpoint(account, sibling, { eventTypes: ['producersync2'] })
  await service.ok('POST', '/api/v1/event-type', {
    name: 'later.thing',
    description: '',
    groupName: 'producersync.more',
  })
  const types = ['producersync.updates_available', 'producersync.npn.activated', 'producersync.npn.deactivated']
  for (const type of [...types, 'later.thing', 'producersync.npn.data_ready', 'unregistered']) await send(type)
  await service.advance({ seconds: 10 })
  expect(received()).toEqual([[...types, 'later.thing'], ['producersync.npn.data_ready'], []])
})

test('10, 31: an endpoint that chose no types gets all, unregistered ones too, but not the opt-in type', async () => {
  const [all] = receivers
  if (!all) throw new Error('no receivers')
  await service.endpoint(account, all, { eventTypes: [] })
  for (const type of ['producersync.npn.activated', 'producersync.npn.data_ready', 'unregistered']) await send(type)
  await service.advance({ seconds: 10 })
  expect(received()[0]).toEqual(['producersync.npn.activated', 'unregistered'])
})

test('32: channels that overlap deliver; a message without channels skips an endpoint with channels', async () => {
  const [some, all] = receivers
  if (!some || !all) throw new Error('no receivers')
  await service.endpoint(account, some, { channels: ['a', 'b'] })
  await service.endpoint(account, all)
  await send('none')
  await send('overlapping', { channels: ['b', 'c'] })
  await send('other', { channels: ['c'] })
  await service.advance({ seconds: 10 })
  expect(received()).toEqual([['overlapping'], ['none', 'overlapping', 'other'], []])
})

test('30: after a rotation both keys verify, after the grace only the new one', async () => {
  const [receiver] = receivers
  if (!receiver) throw new Error('no receiver')
  const endpoint = await service.endpoint(account, receiver)
  const secret = async () => (await service.ok('GET', `${at}/${endpoint.id}/secret`)).key
  const before = await secret()
  await service.ok('POST', `${at}/${endpoint.id}/secret/rotate`, { gracePeriodSeconds: 60 })
  const after = await secret()
  const verifiesWith = async () => {
    await service.advance({ seconds: 2 })
    await send('thing')
    await service.advance({ seconds: 2 })
    const last = receiver.requests.at(-1)
    return [before, after].map((key) => {
      try {
        return verify(last?.body ?? '', last?.headers ?? {}, { secrets: key, now: service.clock.now() }) !== undefined
      } catch {
        return false
      }
    })
  }
  expect(await verifiesWith()).toEqual([true, true])
  await service.advance({ seconds: 60 })
  expect(await verifiesWith()).toEqual([false, true])
})

test('changed headers are sent with the next attempt, and no log line ever holds their values', async () => {
  const [receiver] = receivers
  if (!receiver) throw new Error('no receiver')
  const endpoint = await service.endpoint(account, receiver)
  await service.ok('PUT', `${at}/${endpoint.id}/headers`, {
    headers: { Authorization: 'canary-value', 'X-Tenant': 'a' },
  })
  await service.advance({ seconds: 2 })
  await send('thing')
  await service.advance({ seconds: 2 })
  expect(receiver.requests.at(-1)?.headers).toMatchObject({ authorization: 'canary-value', 'x-tenant': 'a' })
  expect(service.logLines.join('')).not.toContain('canary-value')
})
