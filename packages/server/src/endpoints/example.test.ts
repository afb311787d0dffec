import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Account } from '#src/accounts/principal.ts'
import { type Answer, type Json, TestWorld } from '../../test/endpoint-world.ts'

const url = 'https://receiver.northwind.com/hook'

let world: TestWorld
let account: Account
let endpoint: Json

beforeAll(async () => {
  world = await TestWorld.start()
  await world.setting('production', { testRequestOnSave: false })
})
afterAll(async () => await world.close())
beforeEach(async () => {
  account = await world.account()
  await world.call('POST', `/app/${account.id}/endpoint`, { body: { url, description: 'another' } })
  const body = { url, eventTypes: ['producersync.updates_available'], channels: ['a'], disabled: true }
  endpoint = (await world.call('POST', `/app/${account.id}/endpoint`, { body })).body
  world.forget()
})

async function send(body: object, options: object = {}): Promise<Answer> {
  return await world.call('POST', `/app/${account.id}/endpoint/${endpoint.id}/send-example`, { body, ...options })
}

/** What was accepted, with its bytes. */
async function accepted(): Promise<Json[]> {
  return await world.worker.query`
    select e.id, e.type, convert_from(e.payload, 'UTF8') as payload, e.tags, p.endpoint_id, p.cause
      from event e left join pending p on p.account_id = e.account_id and p.event_id = e.id
     where e.account_id = ${account.id} order by e.id`
}

describe('49: send-example', () => {
  test('with an app token: one message for this endpoint alone, outside its filters, also when disabled', async () => {
    const answer = await send({ eventType: 'producersync.npn.activated' }, { token: world.token(account) })
    expect(answer.status).toBe(202)
    const [event, ...more] = await accepted()
    expect(more).toEqual([])
    expect(event).toMatchObject({ endpoint_id: endpoint.id, cause: 'test', tags: ['webhook.test'] })
    expect(answer.body).toEqual({
      id: event.id,
      eventType: 'producersync.npn.activated',
      payload: JSON.parse(event.payload),
      timestamp: world.clock.now().toISOString(),
      eventId: null,
      channels: null,
      tags: ['webhook.test'],
      deliverAt: null,
    })
    expect(world.planned).toMatchObject([{ eventId: event.id, endpointId: endpoint.id }])
  })

  test.each([
    ['producersync.updates_available', { runDate: '2026-03-06' }],
    ['producersync.npn.activated', { npn: '912484758' }],
    ['producersync.npn.deactivated', { npn: '912484758' }],
    ['producersync.npn.data_ready', { npn: '912484758', noLicenses: false }],
    ['webhook.ping', {}],
  ])('%s goes out in a fresh envelope', async (eventType, data) => {
    const answer = await send({ eventType })
    const [event] = await accepted()
    expect(event.payload).toBe(
      JSON.stringify({
        id: answer.body.id.replace('msg_', 'evt_'),
        type: eventType,
        timestamp: world.clock.now().toISOString(),
        data,
      }),
    )
  })

  test('svix.ping is what official SDKs expect', async () => {
    expect((await send({ eventType: 'svix.ping' })).status).toBe(202)
    expect(await accepted()).toMatchObject([{ type: 'svix.ping', payload: '{"success": true}' }])
  })

  test('an example of a customer’s type goes out as it is written, chosen by its index', async () => {
    const schema = '{"examples": [{"a": 1.0}, {"b": 12345678901234567890}]}'
    await world.call('POST', '/event-type', {
      body: `{"name": "thing.made", "description": "", "schemas": {"1": {"example": {}}, "2": ${schema}}}`,
    })
    expect((await send({ eventType: 'thing.made' })).status).toBe(202)
    expect((await send({ eventType: 'thing.made', exampleIndex: 1 })).status).toBe(202)
    expect((await accepted()).map((event) => event.payload)).toEqual(['{"a": 1.0}', '{"b": 12345678901234567890}'])
    const beyond = await send({ eventType: 'thing.made', exampleIndex: 2 })
    expect(beyond).toMatchObject({ status: 400, body: { code: 'invalid_scheme' } })
  })

  test('no example is 400, an unknown or hidden type 404, a malformed body 422; nothing is accepted', async () => {
    const flagged = { name: 'hidden.thing', description: '', featureFlags: ['beta'], schemas: { 1: { example: {} } } }
    await world.call('POST', '/event-type', { body: { name: 'bare.thing', description: '' } })
    await world.call('POST', '/event-type', { body: flagged })
    expect(await send({ eventType: 'bare.thing' })).toMatchObject({ status: 400, body: { code: 'invalid_scheme' } })
    expect((await send({ eventType: 'nobody.knows' })).status).toBe(404)
    expect((await send({ eventType: 'hidden.thing' }, { token: world.token(account) })).status).toBe(404)
    for (const body of [{}, { eventType: 7 }, { eventType: '-a' }, { eventType: 'bare.thing', exampleIndex: -1 }]) {
      expect((await send(body)).status).toBe(422)
    }
    expect(await accepted()).toEqual([])
    expect(
      (await send({ eventType: 'hidden.thing' }, { token: world.token(account, undefined, ['beta']) })).status,
    ).toBe(202)
  })

  test('the 11th in a minute is 429, also of 20 at once; refused and repeated ones count nothing', async () => {
    world.clock.advanceMs(60_000)
    const key = { headers: { 'idempotency-key': 'auto_example' } }
    const ping = { eventType: 'webhook.ping' }
    for (let n = 0; n < 5; n += 1) {
      expect((await send(ping, key)).status).toBe(202)
      expect((await send({ eventType: 'nobody.knows' })).status).toBe(404)
    }
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(ping)))
    expect(answers.filter((answer) => answer.status === 202)).toHaveLength(9)
    const refused = answers.filter((answer) => answer.status !== 202)
    expect(refused[0]).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    expect(Number(refused[0]?.headers['retry-after'])).toBeGreaterThan(0)
    expect(await accepted()).toHaveLength(10)
    world.clock.advanceMs(60_000)
    expect((await send(ping)).status).toBe(202)
  })

  test('an endpoint has its own count', async () => {
    const answers = await Promise.all(Array.from({ length: 11 }, () => send({ eventType: 'webhook.ping' })))
    expect(answers.filter((answer) => answer.status === 429)).toHaveLength(1)
    const { data } = (await world.call('GET', `/app/${account.id}/endpoint`)).body
    endpoint = data.find((each: Json) => each.description === 'another')
    expect((await send({ eventType: 'webhook.ping' })).status).toBe(202)
  })
})
