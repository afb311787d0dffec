import { verify } from '@producersync/webhooks/node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import { IdSource, ksuidTime } from '#src/adapters/ids.ts'
import { insertAttempts, insertEvents } from '../../test/attempt-rows.ts'
import { DeliveryWorld, type Json } from '../../test/attempt-world.ts'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import type { TestAccount } from '../../test/service.ts'

let receiver: Receiver
let world: DeliveryWorld
let account: TestAccount

beforeAll(async () => {
  receiver = await startReceiver()
  world = await DeliveryWorld.start({ receivers: [receiver] })
})
afterAll(async () => {
  await world.close()
  await receiver.close()
})
beforeEach(async () => {
  receiver.answer(200)
  account = await world.service.account()
})
afterEach(async () => await world.service.ok('DELETE', `/api/v1/app/${account.id}`))

async function endpointOf(settings: object = {}): Promise<Json> {
  return await world.service.endpoint(account, receiver, settings)
}

async function message(body: object = {}): Promise<Json> {
  const made = await world.service.message(account, body)
  await world.settled()
  return made
}

/** A list of this account. */
async function list(path: string): Promise<Json[]> {
  return (await world.get(`/app/${account.id}${path}`)).data
}

function idsOf(rows: Json[]): string[] {
  return rows.map((row) => row.id)
}

async function change(endpoint: Json, settings: object): Promise<void> {
  await world.service.ok('PATCH', `/api/v1/app/${account.id}/endpoint/${endpoint.id}`, settings)
  await world.settled()
}

describe('attempts', () => {
  test('8.2: a success and a failure show all that is promised', async () => {
    const endpoint = await endpointOf()
    receiver.answer((response) => response.writeHead(500).end('{"error":"no"}'), 200)
    const { id } = await message()
    const [failed] = await list(`/attempt/msg/${id}`)
    expect(failed).toEqual({
      id: expect.stringMatching(/^atmpt_[A-Za-z0-9]{27}$/),
      msgId: id,
      endpointId: endpoint.id,
      url: receiver.url,
      response: '{"error":"no"}',
      responseStatusCode: 500,
      responseDurationMs: expect.any(Number),
      status: 2,
      statusText: 'fail',
      triggerType: 0,
      timestamp: world.service.clock.now().toISOString(),
      attemptNumber: 1,
      nextAttempt: expect.any(String),
      outcome: 'responded',
      failure: {
        class: 'http_server_error',
        title: expect.any(String),
        advice: expect.any(String),
        retried: true,
        docsUrl: `${world.service.app.url}/docs/troubleshooting#http_server_error`,
      },
    })
    const waitMs = new Date(failed.nextAttempt).getTime() - world.service.clock.now().getTime()
    expect(waitMs).toBeGreaterThanOrEqual(5_000)
    expect(waitMs).toBeLessThanOrEqual(5_600)
    await world.advance(6)
    const [succeeded, first] = await list(`/attempt/msg/${id}`)
    expect(succeeded).toMatchObject({
      status: 0,
      statusText: 'success',
      attemptNumber: 2,
      nextAttempt: null,
      failure: null,
      response: '',
    })
    expect(first).toEqual({ ...failed, nextAttempt: null })
    expect(await world.get(`/app/${account.id}/msg/${id}/attempt/${succeeded.id}`)).toEqual(succeeded)
  })

  test('the next attempt is shown on the last one made, and only while it is still to come', async () => {
    await endpointOf({ retrySchedule: [60, 3_600] })
    receiver.answer(503)
    const { id } = await message()
    const planned = async () =>
      (await list(`/attempt/msg/${id}`)).map(({ attemptNumber, nextAttempt }) => [attemptNumber, nextAttempt !== null])
    expect(await planned()).toEqual([[1, true]])
    await world.advance(70)
    expect(await planned()).toEqual([
      [2, true],
      [1, false],
    ])
    await world.advance(4_000)
    expect((await planned()).filter(([, isPlanned]) => isPlanned)).toEqual([])
  })

  test('4: the time in an id is the timestamp cut to 4 ms', async () => {
    await endpointOf()
    for (let count = 0; count < 5; count += 1) {
      world.service.clock.advanceMs(7)
      await message()
    }
    const [endpoint] = await list('/endpoint')
    const rows = await list(`/attempt/endpoint/${endpoint.id}`)
    expect(rows.length).toBeGreaterThan(5)
    for (const { id, timestamp } of rows) {
      const ms = new Date(timestamp).getTime()
      expect(ksuidTime(id.slice('atmpt_'.length)).getTime()).toBe(Math.floor(ms / 4) * 4)
    }
    expect(idsOf(rows)).toEqual(idsOf(rows).toSorted().toReversed())
  })

  test('an answer that is no UTF-8 is shown as Base64, one that was cut in a character without it, none as a phrase', async () => {
    await endpointOf({ retrySchedule: [] })
    const cut = Buffer.from(`${'x'.repeat(16 * 1024 - 1)}é`)
    receiver.answer(
      (response) => response.writeHead(200).end(Buffer.from([0xff, 0x00, 0xfe])),
      (response) => response.writeHead(200).end(cut),
      (response) => response.writeHead(200).end(Buffer.from('NUL \0 fits')),
      (response) => response.destroy(),
    )
    const shown = async () => (await list(`/attempt/msg/${(await message()).id}`))[0]
    expect(await shown()).toMatchObject({ response: '/wD+' })
    expect((await shown()).response).toBe('x'.repeat(16 * 1024 - 1))
    expect(await shown()).toMatchObject({ response: 'NUL \0 fits' })
    expect(await shown()).toMatchObject({
      response: 'Connection broken',
      responseStatusCode: 0,
      outcome: 'reset',
      failure: { class: 'connection_reset' },
    })
  })

  test('18: with_content=false hides the response; with_msg=true adds the message without its payload', async () => {
    const endpoint = await endpointOf()
    const made = await message({ eventId: 'order-7', channels: ['red'], tags: ['first'] })
    const [row] = await list(`/attempt/endpoint/${endpoint.id}?with_content=false&with_msg=true`)
    expect(row).toMatchObject({ response: '{}', msg: { ...made, payload: {} } })
  })

  test('16, 17: filters by type and group, channel, tag, status and endpoint', async () => {
    const [one, other] = [await endpointOf({ retrySchedule: [] }), await endpointOf({ retrySchedule: [] })]
    const plain = await message({ eventType: 'plain' })
    const grouped = await message({ eventType: 'producersync.npn.activated', channels: ['red'], tags: ['first'] })
    receiver.answer(404)
    const failed = await message({ eventType: 'plain' })
    const at = async (query: string) => (await list(`/attempt/endpoint/${one.id}?${query}`)).map(({ msgId }) => msgId)
    expect(await at('event_types=plain')).toEqual([failed.id, plain.id])
    expect(await at('event_types=producersync%2Cunheard')).toEqual([grouped.id])
    expect(await at('event_types[]=plain&event_types[1]=producersync')).toEqual([failed.id, grouped.id, plain.id])
    expect(await at('channel=red')).toEqual([grouped.id])
    expect(await at('tag=first&event_types=producersync')).toEqual([grouped.id])
    expect(await at('status=2')).toEqual([failed.id])
    expect(await at('status_code_class=400')).toEqual([failed.id])
    expect(await at('status_code_class=0')).toEqual([])
    expect(await at('status=1')).toEqual([])
    expect(await at('status=3')).toEqual([])
    const endpointsOf = async (query: string) =>
      new Set((await list(`/attempt/msg/${plain.id}?${query}`)).map(({ endpointId }) => endpointId))
    expect(await endpointsOf('')).toEqual(new Set([one.id, other.id]))
    expect(await endpointsOf(`endpoint_id=${other.id}`)).toEqual(new Set([other.id]))
    expect(await world.call('GET', `/app/${account.id}/attempt/msg/${plain.id}?endpoint_id=nobody`)).toMatchObject({
      status: 404,
    })
    const older = `/msg/${plain.id}/endpoint/${other.id}/attempt`
    expect(await list(older)).toEqual(await list(`/attempt/msg/${plain.id}?endpoint_id=${other.id}`))
    expect(await list(`/msg/${plain.id}/attempt`)).toEqual(await list(`/attempt/msg/${plain.id}`))
  })

  test('5: events and endpoints go by id, uid and the id in the body alike', async () => {
    const endpoint = await endpointOf({ uid: 'erp' })
    const { id } = await message({ eventId: 'order-8' })
    const rows = await list(`/attempt/msg/${id}`)
    expect(rows).toHaveLength(1)
    for (const name of ['order-8', id.replace('msg_', 'evt_')]) expect(await list(`/attempt/msg/${name}`)).toEqual(rows)
    expect(await list('/attempt/endpoint/erp?event_types=test.happened')).toEqual(rows)
    expect(await list(`/attempt/msg/${id}?endpoint_id=erp`)).toEqual(rows)
    await world.service.ok('DELETE', `/api/v1/app/${account.id}/endpoint/${endpoint.id}`)
    // attempts outlive their endpoint, which itself is gone
    expect(await list(`/attempt/msg/${id}`)).toEqual(rows)
    expect(await world.call('GET', `/app/${account.id}/attempt/endpoint/${endpoint.id}`)).toMatchObject({ status: 404 })
  })

  test('13: what cannot be a query is refused, what is out of range names its parameter', async () => {
    const endpoint = await endpointOf()
    const path = `/app/${account.id}/attempt/endpoint/${endpoint.id}`
    for (const query of ['limit=x', 'status=ok', 'before=yesterday', 'with_content=1']) {
      expect(await world.call('GET', `${path}?${query}`)).toMatchObject({
        status: 400,
        body: { code: 'generic_error' },
      })
    }
    for (const [query, name] of [
      ['limit=0', 'limit'],
      ['limit=251', 'limit'],
      ['status=5', 'status'],
      ['status_code_class=150', 'status_code_class'],
      ['iterator=atmpt_1', 'iterator'],
      [`iterator=atmpt_${'z'.repeat(27)}`, 'iterator'],
    ]) {
      const answer = await world.call('GET', `${path}?${query}`)
      expect(answer, query).toMatchObject({ status: 422, body: { detail: [{ loc: ['query', name] }] } })
    }
    expect(await world.get(`${path}?iterator=atmpt_${'0'.repeat(27)}&before=1970-02-01T00:00:00Z`)).toEqual({
      data: [],
      iterator: null,
      done: true,
    })
  })

  test('14, 15: pages hold each row once while rows are added; after alone gives the oldest page', async () => {
    const endpoint = await endpointOf()
    const now = world.service.clock.now()
    const start = addMs(now, -7_200_000)
    const ids = new IdSource(world.service.clock)
    const event = { id: `msg_${ids.next(start).ksuid}`, accountId: account.id, createdAt: start }
    const rowAt = (startedAt: Date) => ({
      ...{ id: `atmpt_${ids.next(startedAt).ksuid}`, accountId: account.id, eventId: event.id },
      ...{ endpointId: endpoint.id, ending: 'delivered' as const, startedAt },
    })
    const rows = Array.from({ length: 1_000 }, (_, index) => rowAt(addMs(start, index * 4_000)))
    await insertEvents(world.owner, [event])
    await insertAttempts(world.owner, rows)
    const path = `/app/${account.id}/attempt/endpoint/${endpoint.id}?event_types=test.happened&limit=190`
    const forward: string[] = []
    for (let iterator = ''; ; ) {
      const page = await world.get(path + iterator)
      forward.push(...idsOf(page.data))
      if (page.done) break
      iterator = `&iterator=${page.iterator}`
      await insertAttempts(world.owner, [rowAt(addMs(now, forward.length))])
    }
    const existing = rows.map(({ id }) => id).toReversed()
    expect(forward).toEqual(existing)
    const back: string[] = []
    for (let iterator = `-${existing.at(-1)}`; back.length < 999; ) {
      const page = await world.get(`${path}&iterator=${iterator}`)
      back.unshift(...idsOf(page.data))
      iterator = page.prevIterator
    }
    expect(back.slice(-999)).toEqual(existing.slice(0, -1))

    const after = addMs(start, 400_000)
    const oldest = await world.get(`${path}&limit=3&after=${after.toISOString()}`.replace('limit=190&', ''))
    expect(idsOf(oldest.data)).toEqual(
      rows
        .slice(100, 103)
        .map(({ id }) => id)
        .toReversed(),
    )
    const before = await world.get(`${path}&before=${after.toISOString()}`)
    expect(idsOf(before.data)).toEqual(
      rows
        .slice(0, 100)
        .map(({ id }) => id)
        .toReversed(),
    )
  })

  test('19, 20: an app token reads its own; the rest is 404, and ids of the wrong kind too', async () => {
    const endpoint = await endpointOf()
    const { id } = await message()
    const [attempt] = await list(`/attempt/msg/${id}`)
    const stranger = await world.service.account()
    const own = await world.appToken(account, ['ViewBase'])
    const foreign = await world.appToken(stranger, ['ViewBase'])
    const none = await world.appToken(account, [])
    const paths = [
      `attempt/endpoint/${endpoint.id}`,
      `attempt/msg/${id}`,
      `msg/${id}/attempt/${attempt.id}`,
      `msg/${id}/attempt/${attempt.id}/headers`,
      `msg/${id}/endpoint`,
      `endpoint/${endpoint.id}/msg`,
      `endpoint/${endpoint.id}/stats`,
    ]
    for (const path of paths) {
      expect((await world.call('GET', `/app/${account.id}/${path}`, { token: own })).status, path).toBe(200)
      expect((await world.call('GET', `/app/${account.id}/${path}`, { token: foreign })).status, path).toBe(404)
      expect((await world.call('GET', `/app/${stranger.id}/${path}`, { token: foreign })).status, path).toBe(404)
      expect((await world.call('GET', `/app/${account.id}/${path}`, { token: none })).status, path).toBe(403)
    }
    for (const name of [endpoint.id, `atmpt_${'0'.repeat(27)}`, 'atmpt_1']) {
      expect(await world.call('GET', `/app/${account.id}/msg/${id}/attempt/${name}`)).toMatchObject({ status: 404 })
    }
  })

  test('50: headers show those of the attempt’s time, without the values of sensitive ones', async () => {
    const endpoint = await endpointOf()
    const path = `/api/v1/app/${account.id}/endpoint/${endpoint.id}/headers`
    await world.service.ok('PUT', path, { headers: { 'X-Custom': 'before', Authorization: 'Bearer of-the-receiver' } })
    await world.settled()
    receiver.answer((response) => response.writeHead(200, { 'x-answer': 'yes', 'set-cookie': 'session=secret' }).end())
    const { id } = await message()
    await world.service.ok('PUT', path, { headers: { 'X-Custom': 'after' } })
    const [attempt] = await list(`/attempt/msg/${id}`)
    const answer = await world.call('GET', `/app/${account.id}/msg/${id}/attempt/${attempt.id}/headers`)
    const { sentHeaders, responseHeaders, sensitive } = answer.body
    const sent = receiver.requests.at(-1)?.headers
    expect(sentHeaders).toMatchObject({
      'X-Custom': 'before',
      'content-type': 'application/json',
      'webhook-id': id,
      'svix-id': id,
      'webhook-timestamp': sent?.['webhook-timestamp'],
      'user-agent': sent?.['user-agent'],
    })
    expect(responseHeaders).toContainEqual(['x-answer', 'yes'])
    expect(sensitive.toSorted()).toEqual(['Authorization', 'set-cookie', 'svix-signature', 'webhook-signature'])
    expect(answer.text).not.toMatch(/of-the-receiver|session=secret|v1,/)
  })
})

describe('S6.4: signing again', () => {
  test('gives headers by which the bytes verify now, sends nothing, and needs the right to send', async () => {
    const endpoint = await endpointOf()
    const sent = await message({ payload: { amount: '1.0', npn: '15645555' } })
    const made = receiver.requests.length
    world.service.clock.advanceTo(addMs(world.service.clock.now(), 3_600_000))
    const path = `/api/v1/app/${account.id}/msg/${sent.id}/endpoint/${endpoint.id}/sign`
    const { url, headers } = await world.service.ok('POST', path, {})
    expect(url).toBe(endpoint.url)
    expect(Number(headers['webhook-timestamp'])).toBe(Math.floor(world.service.clock.now().getTime() / 1_000))
    const { key } = await world.get(`/app/${account.id}/endpoint/${endpoint.id}/secret`)
    const [request] = receiver.requests.slice(-1)
    if (!request) throw new Error('nothing was received')
    expect(verify(request.body, headers, { secrets: key, now: world.service.clock.now() })).toBeDefined()
    expect(receiver.requests).toHaveLength(made)
    const reader = await world.service.ok('POST', `/api/v1/auth/app-portal-access/${account.id}`, { readOnly: true })
    expect(await world.service.call('POST', path, {}, { token: reader.token })).toMatchObject({ status: 403 })
    await world.service.ok('DELETE', `/api/v1/app/${account.id}/msg/${sent.id}/content`)
    expect(await world.service.call('POST', path, {})).toMatchObject({ status: 409 })
  })
})

describe('how a message stands', () => {
  test('E/msg and M/endpoint: waiting, retrying, delivered, failed, canceled', async () => {
    const endpoint = await endpointOf({ retrySchedule: [3_600] })
    const path = `/endpoint/${endpoint.id}/msg?event_types=test.happened`
    const at = async (status: number) => idsOf(await list(`${path}&status=${status}`))
    const standing = async (id: string) => {
      const [row] = await list(`/msg/${id}/endpoint?expanded_statuses=true`)
      return [row.status, row.statusText, row.nextAttempt !== undefined]
    }
    const delivered = await message()
    const later = addMs(world.service.clock.now(), 3_600_000).toISOString()
    const waiting = await message({ deliverAt: later })
    receiver.answer(503)
    const failing = await message()
    expect(await standing(delivered.id)).toEqual([0, 'success', false])
    expect(await standing(waiting.id)).toEqual([1, 'pending', true])
    expect(await standing(failing.id)).toEqual([3, 'sending', true])
    expect(await at(0)).toEqual([delivered.id])
    expect(await at(1)).toEqual([waiting.id])
    expect(await at(2)).toEqual([])
    expect(await at(3)).toEqual([failing.id])
    const [row] = await list(`${path}&status=3`)
    expect(row).toEqual({ ...failing, status: 3, statusText: 'sending', nextAttempt: expect.any(String) })
    expect((await list(`${path}&status=1`))[0]).toMatchObject({ nextAttempt: later, payload: waiting.payload })
    // without a status: what was attempted
    expect(idsOf(await list(path))).toEqual([failing.id, delivered.id])

    await world.advance(4_000)
    expect(await standing(failing.id)).toEqual([2, 'fail', false])
    expect(await standing(waiting.id)).toEqual([3, 'sending', true])
    expect(await at(2)).toEqual([failing.id])
    expect(await at(1)).toEqual([])

    await change(endpoint, { disabled: true })
    expect(await standing(waiting.id)).toEqual([4, 'canceled', false])
    expect(await at(4)).toEqual([waiting.id])
    const [canceled] = await list(`${path}&status=4`)
    expect(canceled).toMatchObject({ status: 0, statusText: 'success' })
    expect((await list(`${path}&status=4&expanded_statuses=true`))[0]).toMatchObject({
      status: 4,
      statusText: 'canceled',
    })
    expect(idsOf(await list(path))).toEqual(idsOf([failing, waiting, delivered]).toSorted().toReversed())
  })

  test('45: a mark on the endpoint is obeyed by every list before the rows have followed it', async () => {
    const endpoint = await endpointOf({ retrySchedule: [3_600] })
    receiver.answer(503)
    const failing = await message()
    const waiting = await message({ deliverAt: addMs(world.service.clock.now(), 3_600_000).toISOString() })
    await world.advance(1)
    // nobody is told: those who send do not know of it yet
    await world.owner.query`
      update endpoint set canceled_before = ${world.service.clock.now()}
       where account_id = ${account.id} and id = ${endpoint.id}`
    expect(await list(`/attempt/msg/${failing.id}`)).toMatchObject([{ status: 2, nextAttempt: null }])
    for (const { id } of [failing, waiting]) {
      const [row] = await list(`/msg/${id}/endpoint?expanded_statuses=true`)
      expect(row).toMatchObject({ status: 4, statusText: 'canceled' })
      expect(row.nextAttempt).toBeUndefined()
    }
    const of = `/endpoint/${endpoint.id}/msg?event_types=test.happened`
    expect(await list(`${of}&status=1`)).toEqual([])
    expect(await list(`${of}&status=3`)).toEqual([])
    expect(idsOf(await list(`${of}&status=4`))).toEqual([waiting.id, failing.id]) // as they will be once the rows have followed
    expect(await world.get(`/app/${account.id}/endpoint/${endpoint.id}/stats`)).toMatchObject({
      pending: 0,
      sending: 0,
    })
  })

  test('52: a message that is due later is listed with the time of its first attempt, and nowhere as attempted', async () => {
    const endpoint = await endpointOf()
    const deliverAt = addMs(world.service.clock.now(), 7_200_000).toISOString()
    const { id } = await message({ deliverAt })
    expect(await list(`/attempt/msg/${id}`)).toEqual([])
    expect(await list(`/msg/${id}/endpoint`)).toMatchObject([{ id: endpoint.id, status: 1, nextAttempt: deliverAt }])
    expect(await list(`/endpoint/${endpoint.id}/msg?status=1`)).toMatchObject([{ id, nextAttempt: deliverAt }])
    await world.advance(7_199)
    expect(await list(`/attempt/msg/${id}`)).toEqual([])
    await world.advance(2)
    expect(await list(`/attempt/msg/${id}`)).toMatchObject([{ status: 0 }])
  })

  test('E/msg: payloads come as accepted, or not at all', async () => {
    const endpoint = await endpointOf()
    const raw = '{"eventType":"test.happened","payload":{"n":1.0,"big":12345678901234567890}}'
    const path = `/api/v1/app/${account.id}/msg`
    const made = await world.service.call('POST', path, undefined, { rawBody: raw })
    expect(made.status).toBe(202)
    await world.settled()
    const of = `/app/${account.id}/endpoint/${endpoint.id}/msg?event_types=test.happened`
    expect((await world.call('GET', of)).text).toContain('"payload":{"n":1.0,"big":12345678901234567890}')
    expect((await world.call('GET', `${of}&with_content=false`)).body.data).toMatchObject([{ payload: {} }])
  })

  test('M/endpoint: ascending by id, deleted endpoints included, page by page', async () => {
    const endpoints = [await endpointOf(), await endpointOf(), await endpointOf()]
    const { id } = await message()
    await world.service.ok('DELETE', `/api/v1/app/${account.id}/endpoint/${endpoints[1].id}`)
    const path = `/app/${account.id}/msg/${id}/endpoint`
    const rows = await world.all(path, 1)
    expect(idsOf(rows)).toEqual(idsOf(endpoints).toSorted())
    expect(rows[0]).toMatchObject({
      url: receiver.url,
      description: '',
      disabled: false,
      status: 0,
      statusText: 'success',
    })
    const newestFirst = await world.get(`${path}?order=descending&limit=2`)
    expect(idsOf(newestFirst.data)).toEqual(idsOf(endpoints).toSorted().toReversed().slice(0, 2))
    expect(
      await world.get(`${path}?order=descending&limit=2&iterator=-${idsOf(endpoints).toSorted()[0]}`),
    ).toMatchObject({
      done: true,
    })
  })
})

describe('E/stats', () => {
  test('53: counts equal those of the lists, test requests left out', async () => {
    const endpoint = await endpointOf({ retrySchedule: [3_600] })
    await message()
    receiver.answer(503)
    await message()
    await message({ deliverAt: addMs(world.service.clock.now(), 3_600_000).toISOString() })
    const path = `/app/${account.id}/endpoint/${endpoint.id}/stats`
    expect(await world.get(path)).toEqual({ success: 1, pending: 1, sending: 1, fail: 1, canceled: 0 })
    await world.advance(1)
    await change(endpoint, { disabled: true })
    expect(await world.get(path)).toEqual({ success: 1, pending: 0, sending: 0, fail: 1, canceled: 2 })
    expect(await list(`/attempt/endpoint/${endpoint.id}?status=4`)).toHaveLength(2)
    const since = world.service.clock.now().toISOString()
    expect(await world.get(`${path}?since=${since}`)).toEqual({
      success: 0,
      pending: 0,
      sending: 0,
      fail: 0,
      canceled: 2,
    })
  })

  test('53: ranges that end ahead, end before they begin or are too long are refused', async () => {
    const endpoint = await endpointOf()
    const path = `/app/${account.id}/endpoint/${endpoint.id}/stats`
    const at = (hours: number) => addMs(world.service.clock.now(), hours * 3_600_000).toISOString()
    for (const query of [
      `until=${at(1)}`,
      `since=${at(-1)}&until=${at(-2)}`,
      `since=${at(-28 * 24 - 1)}`,
      `since=${at(-60 * 24)}&until=${at(-30 * 24)}`,
    ]) {
      expect(await world.call('GET', `${path}?${query}`)).toMatchObject({
        status: 400,
        body: { code: 'invalid_range' },
      })
    }
    expect((await world.call('GET', `${path}?since=${at(-28 * 24)}`)).status).toBe(200)
  })
})
