import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DeliveryWorld, type Json } from '../../test/attempt-world.ts'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import type { TestAccount } from '../../test/service.ts'

let world: DeliveryWorld
let receiver: Receiver
let account: TestAccount
let path: string

beforeAll(async () => {
  receiver = await startReceiver()
  world = await DeliveryWorld.start({ receivers: [receiver] })
  account = await world.service.account()
  path = `/app/${account.id}`
  for (const name of ['order.placed', 'order.paid'])
    await world.call('POST', '/event-type', { body: { name, description: name } })
})

afterAll(async () => {
  await world.close()
  await receiver.close()
})

function later(): void {
  world.service.clock.advanceTo(new Date(world.service.clock.now().getTime() + 1_000))
}

test('a timeline has every endpoint: attempts where there were some, else why not', async () => {
  const change = async (endpoint: Json, body: object) =>
    await world.service.ok('PATCH', `/api/v1${path}/endpoint/${endpoint.id}`, body, { token: account.key })
  const reached = await world.service.endpoint(account, receiver, { eventTypes: ['order.placed'], retrySchedule: [60] })
  const other = await world.service.endpoint(account, receiver, { eventTypes: ['order.paid'] })
  const channel = await world.service.endpoint(account, receiver, { channels: ['eu'] })
  const disabled = await world.service.endpoint(account, receiver, { disabled: true })
  const changed = await world.service.endpoint(account, receiver, { eventTypes: ['order.paid'] })
  later()
  receiver.answer(500, 200)
  const message = await world.service.message(account, { eventType: 'order.placed', payload: { n: 7 } })
  await world.settled()
  later()
  await change(changed, { eventTypes: ['order.placed'] })
  const late = await world.service.endpoint(account, receiver)
  await world.advance(120)

  const timeline = await world.get(`${path}/msg/${message.id.replace('msg_', 'evt_')}/timeline`)
  expect(timeline).toMatchObject({
    msgId: message.id,
    evtId: message.id.replace('msg_', 'evt_'),
    payloadBytes: 7,
    payloadSha256: createHash('sha256').update('{"n":7}').digest('hex'),
    previous: null,
    next: null,
    endpointsCapped: false,
  })
  const [first, ...rest] = timeline.endpoints
  expect(first).toMatchObject({ endpoint: { id: reached.id }, state: 'delivered', skipped: null, attemptsMade: 2 })
  expect(first.attempts.map((attempt: Json) => attempt.responseStatusCode)).toEqual([200, 500])
  const reasons = Object.fromEntries(rest.map((row: Json) => [row.endpoint.id, row.skipped.reason]))
  expect(reasons).toEqual({
    [other.id]: 'not_subscribed',
    [channel.id]: 'other_channel',
    [disabled.id]: 'disabled',
    [changed.id]: 'changed_since',
    [late.id]: 'created_later',
  })
  const byId = (endpoint: Json) => rest.find((row: Json) => row.endpoint.id === endpoint.id)
  expect(byId(changed).skipped.changedAt).not.toBeNull()
  expect(byId(other).skipped.changedAt).toBeNull()

  const [ping] = (await world.all(`${path}/delivery?test=true&endpoint=${reached.id}`)).map((row: Json) => row.msgId)
  const test = await world.get(`${path}/msg/${ping}/timeline`)
  expect(new Set(test.endpoints.slice(1).map((row: Json) => row.skipped?.reason))).toEqual(new Set(['other_endpoint']))
})

test('an event about a producer leads to the one before it and the one after it', async () => {
  const ids: string[] = []
  for (const npn of ['15645555', '19855109', '15645555', '15645555']) {
    later()
    const payload = { data: { npn } }
    ids.push((await world.service.message(account, { eventType: 'producersync.npn.activated', payload })).id)
  }
  const timeline = await world.get(`${path}/msg/${ids[2]}/timeline`)
  expect(timeline.npn).toBe('15645555')
  expect([timeline.previous.msgId, timeline.next.msgId]).toEqual([ids[0], ids[3]])
})

test('an attempt shows its timings, its head and body, what was decided and who asked for it; sensitive values stay withheld', async () => {
  const headers = { authorization: 'Bearer secret-of-the-receiver', 'x-shop': 'north' }
  const endpoint = await world.service.endpoint(account, receiver, {
    eventTypes: ['order.paid'],
    headers,
    timeoutMs: 2_000,
    retrySchedule: [60],
  })
  receiver.answer((response) => response.writeHead(503, { 'x-seen': 'yes', 'set-cookie': 'a=b' }).end('<html>no'))
  const message = await world.service.message(account, { eventType: 'order.paid' })
  await world.settled()
  await world.call('POST', `${path}/msg/${message.id}/endpoint/${endpoint.id}/resend`)
  await world.settled()
  const [first, second] = (await world.all(`${path}/attempt/msg/${message.id}?endpoint_id=${endpoint.id}`)).toReversed()
  const detail = await world.get(`${path}/msg/${message.id}/attempt/${first.id}/detail`)
  expect(detail).toMatchObject({
    id: first.id,
    trigger: 'schedule',
    attemptsMax: 2,
    requestedBy: null,
    failure: { class: 'http_busy', retried: true },
    timings: { limitMs: 2_000, dnsMs: null, tlsMs: null, totalMs: first.responseDurationMs },
    timedOutIn: null,
    connection: { address: '127.0.0.1', tlsVersion: null, certificateExpiresAt: null },
    decision: { state: 'retry', reason: null, nextAttempt: expect.any(String) },
    request: { method: 'POST', url: endpoint.url, bodyBytes: 7 },
    responseHead: { statusCode: 503, sensitive: ['set-cookie'] },
    responseBody: { text: '<html>no', encoding: 'utf-8', bytes: 8 },
    previousAttemptId: null,
    nextAttemptId: second.id,
  })
  for (const name of ['queueMs', 'firstByteMs']) expect(detail.timings[name], name).toBeGreaterThanOrEqual(0)
  expect(detail.request.headers).toContainEqual(['x-shop', 'north'])
  expect(detail.request.sensitive).toEqual(expect.arrayContaining(['authorization', 'webhook-signature']))
  expect(detail.responseHead.headers).toContainEqual(['x-seen', 'yes'])
  expect(JSON.stringify(detail)).not.toContain('secret-of-the-receiver')
  expect(await world.get(`${path}/msg/${message.id}/attempt/${second.id}/detail`)).toMatchObject({
    trigger: 'resend',
    attemptsMax: 1,
    requestedBy: expect.stringMatching(/^key \S/),
    decision: { state: 'exhausted', reason: 'schedule_exhausted' },
    previousAttemptId: first.id,
  })
})

test('S7.1: an attempt whose time was over names what was going on then', async () => {
  receiver.answer(200)
  const endpoint = await world.service.endpoint(account, receiver, {
    ...{ eventTypes: ['order.paid'], headers: { 'x-slow': 'yes' }, timeoutMs: 1_000, retrySchedule: [] },
  })
  receiver.answer((response, { headers }) => {
    if (headers['x-slow'] === undefined) response.writeHead(200).end()
  })
  const message = await world.service.message(account, { eventType: 'order.paid' })
  await world.settled()
  const [attempt] = await world.all(`${path}/attempt/msg/${message.id}?endpoint_id=${endpoint.id}`)
  expect(await world.get(`${path}/msg/${message.id}/attempt/${attempt.id}/detail`)).toMatchObject({
    failure: { class: 'timeout', title: 'No answer within 1 s' },
    timedOutIn: 'headers',
    timings: { limitMs: 1_000, firstByteMs: null },
    responseHead: null,
  })
  receiver.answer(200)
  await world.service.ok('DELETE', `/api/v1${path}/endpoint/${endpoint.id}`)
})

test('a delivery that is not attempted any more says why: disabled, deleted, erased, canceled', async () => {
  const classOf = async (end: (endpoint: Json, message: Json) => Promise<unknown>) => {
    const endpoint = await world.service.endpoint(account, receiver, {
      eventTypes: ['order.paid'],
      retrySchedule: [600],
    })
    receiver.answer(500)
    const message = await world.service.message(account, { eventType: 'order.paid' })
    await world.settled()
    later()
    await end(endpoint, message)
    await world.advance(2)
    const [row] = await world.all(`${path}/delivery?state=canceled&q=${message.id}&endpoint=${endpoint.id}`)
    await world.service.call('DELETE', `/api/v1${path}/endpoint/${endpoint.id}`)
    return row?.lastAttempt.failure.class
  }
  const before = await world.all(`${path}/endpoint`)
  for (const { id } of before) await world.service.call('DELETE', `/api/v1${path}/endpoint/${id}`)
  const at = (endpoint: Json) => `/api/v1${path}/endpoint/${endpoint.id}`
  const { service } = world
  expect({
    disabled: await classOf((endpoint) => service.ok('PATCH', at(endpoint), { disabled: true })),
    deleted: await classOf((endpoint) => service.ok('DELETE', at(endpoint))),
    erased: await classOf((_, message) => service.ok('DELETE', `/api/v1${path}/msg/${message.id}/content`)),
    canceled: await classOf((endpoint) =>
      service.ok('POST', `${at(endpoint)}/cancel-msgs`, { createdBefore: service.clock.now().toISOString() }),
    ),
  }).toEqual({
    disabled: 'endpoint_disabled',
    deleted: 'endpoint_deleted',
    erased: 'payload_expired',
    canceled: 'canceled',
  })
})
