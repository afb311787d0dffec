import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Receiver, startReceiver } from '../receiver.ts'
import { type TestAccount, TestService } from '../service.ts'

/** What operators hear of (webhook-api 11). Behaviour 47. */

const PLACE = '/api/v1/operational-webhook/endpoint'

let receiver: Receiver
/** Of the operator; one for each test, as what it has got is compared whole. */
let operator: Receiver
let service: TestService
let account: TestAccount

beforeAll(async () => {
  receiver = await startReceiver()
  operator = await startReceiver()
  service = await TestService.start({ receivers: [receiver, operator] })
})
afterAll(async () => {
  await service.close()
  await receiver.close()
  await operator.close()
})
beforeEach(async () => {
  receiver.reset()
  const { data } = await service.ok('GET', PLACE)
  for (const { id } of data) await service.ok('DELETE', `${PLACE}/${id}`)
  account = await service.account()
  await service.settled()
  operator.reset()
})

// biome-ignore lint/suspicious/noExplicitAny: an answer
async function listen(settings: object = {}): Promise<any> {
  const made = await service.ok('POST', PLACE, { url: operator.url, ...settings })
  operator.trust((await service.ok('GET', `${PLACE}/${made.id}/secret`)).key)
  return made
}

/** What the operator got so far, in order of acceptance. */
async function heard(): Promise<{ type: string; data: Record<string, unknown> }[]> {
  await service.settled()
  expect(operator.verified).toHaveLength(operator.requests.length)
  return operator.requests
    .toSorted((one, other) => (one.messageId < other.messageId ? -1 : 1))
    .map(({ body }) => JSON.parse(body.toString()))
}

async function heardTypes(): Promise<string[]> {
  return (await heard()).map(({ type }) => type)
}

describe('47: of endpoints', () => {
  test('every change is heard of once, signed, and named as the application names them', async () => {
    await listen()
    const path = `/api/v1/app/${account.id}/endpoint`
    await service.ok('PATCH', `/api/v1/app/${account.id}`, { uid: 'northwind' })
    const { id } = await service.ok('POST', path, { url: receiver.url, uid: 'main' })
    await service.ok('PATCH', `${path}/${id}`, { description: 'x' })
    await service.ok('PUT', `${path}/${id}/headers`, { headers: { 'x-a': 'b' } })
    await service.ok('POST', `${path}/${id}/secret/rotate`, {})
    await service.ok('PATCH', `${path}/${id}`, { disabled: true })
    await service.ok('PATCH', `${path}/${id}`, { disabled: false })
    await service.ok('DELETE', `${path}/${id}`)
    const named = { appId: account.id, appUid: 'northwind', endpointId: id, endpointUid: 'main' }
    expect(await heard()).toEqual([
      { type: 'endpoint.created', data: named },
      { type: 'endpoint.updated', data: named },
      { type: 'endpoint.updated', data: named },
      { type: 'endpoint.updated', data: named },
      { type: 'endpoint.updated', data: named },
      { type: 'endpoint.disabled', data: { ...named, failSince: null, trigger: 'manual' } },
      { type: 'endpoint.updated', data: named },
      { type: 'endpoint.enabled', data: named },
      { type: 'endpoint.deleted', data: named },
    ])
  })

  test('a deleted application’s endpoints are heard of', async () => {
    const { id } = await service.endpoint(account, receiver)
    await listen()
    await service.ok('DELETE', `/api/v1/app/${account.id}`)
    expect(await heard()).toMatchObject([{ type: 'endpoint.deleted', data: { appId: account.id, endpointId: id } }])
  })

  test('a refused change is not heard of, nor one of another environment, nor what was not chosen', async () => {
    await listen({ eventTypes: ['endpoint.deleted'] })
    const path = `/api/v1/app/${account.id}/endpoint`
    await service.call('POST', path, { url: 'ftp://x' })
    const { id } = await service.ok('POST', path, { url: receiver.url })
    const sandbox = await service.account('sandbox')
    const other = await service.endpoint(sandbox, receiver)
    await service.ok('DELETE', `/api/v1/app/${sandbox.id}/endpoint/${other.id}`, undefined, { token: sandbox.key })
    await service.ok('DELETE', `${path}/${id}`)
    expect(await heard()).toMatchObject([{ type: 'endpoint.deleted', data: { endpointId: id } }])
  })
})

describe('47: of messages', () => {
  test('failing after four attempts, exhausted at the end, recovered by the next success', async () => {
    const { id: endpointId } = await service.endpoint(account, receiver, { retrySchedule: [1, 1, 1, 1] })
    await listen()
    receiver.answer(503)
    const { id } = await service.message(account, { eventId: 'order-1' })
    await service.advance({ seconds: 4 })
    expect(await heardTypes()).toEqual(['message.attempt.failing'])
    await service.advance({ seconds: 4 })
    expect(await heardTypes()).toEqual(['message.attempt.failing', 'message.attempt.exhausted'])
    const resend = `/api/v1/app/${account.id}/msg/${id}/endpoint/${endpointId}/resend`
    await service.ok('POST', resend) // fails too, and is no news
    expect(await heardTypes()).toHaveLength(2)
    receiver.answer(200)
    await service.ok('POST', resend)
    await service.settled()
    await service.ok('POST', resend) // recovered already
    const [failing, exhausted, recovered, ...more] = await heard()
    expect(more).toEqual([])
    const attempts = await service.attempts(account, id)
    const named = { appId: account.id, appUid: null, endpointId, msgId: id, msgEventId: 'order-1' }
    const lastAttempt = (index: number) => ({
      id: attempts[index].id,
      responseStatusCode: attempts[index].responseStatusCode,
      timestamp: attempts[index].timestamp,
    })
    expect(failing).toEqual({ type: 'message.attempt.failing', data: { ...named, lastAttempt: lastAttempt(3) } })
    expect(exhausted).toEqual({ type: 'message.attempt.exhausted', data: { ...named, lastAttempt: lastAttempt(4) } })
    expect(recovered).toEqual({ type: 'message.attempt.recovered', data: { ...named, lastAttempt: lastAttempt(6) } })
  })

  test('a delivery that succeeds at its fifth attempt has recovered; a success without trouble before is none', async () => {
    const { id: endpointId } = await service.endpoint(account, receiver, { retrySchedule: [1, 1, 1, 1] })
    await listen({ eventTypes: ['message.attempt.recovered', 'message.attempt.exhausted'] })
    receiver.answer(503, 503, 503, 503, 200)
    const late = await service.message(account)
    await service.advance({ seconds: 8 })
    const smooth = await service.message(account)
    await service.settled()
    await service.ok('POST', `/api/v1/app/${account.id}/msg/${smooth.id}/endpoint/${endpointId}/resend`)
    expect(await heard()).toMatchObject([{ type: 'message.attempt.recovered', data: { msgId: late.id } }])
  })
})

describe('46, 47: a failing endpoint', () => {
  // a day instead of five, in which there is less to wait for
  const retrySchedule = Array.from({ length: 15 }, () => 8_640)
  const disableAfter = async (settings: object) => {
    await service.database.open('migrate').query`
      update environment set settings = ${settings}::jsonb where name = 'production'`
    service.clock.advanceMs(5_000)
  }
  beforeEach(() => disableAfter({ disableAfterDays: 1 }))
  afterAll(() => disableAfter({}))

  test('warns at 50, 70 and 90 % of the time and is then disabled, each once', async () => {
    const { id: endpointId } = await service.endpoint(account, receiver, { retrySchedule })
    await listen({ eventTypes: ['endpoint.failing', 'endpoint.disabled'] })
    receiver.answer(503)
    await service.message(account)
    await service.advance({ hours: 29 })
    const events = await heard()
    const { failingSince: failSince } = await service.ok('GET', `/api/v1/app/${account.id}/endpoint/${endpointId}`)
    const disableAt = new Date(Date.parse(failSince) + 86_400_000).toISOString()
    const named = { appId: account.id, appUid: null, endpointId, endpointUid: null, failSince }
    expect(events).toEqual([
      ...[50, 70, 90].map((percent) => ({ type: 'endpoint.failing', data: { ...named, percent, disableAt } })),
      { type: 'endpoint.disabled', data: { ...named, trigger: 'automatic' } },
    ])
  })

  test('one success at 98 % of the time ends the streak, and the next is warned of anew', async () => {
    await service.endpoint(account, receiver, { retrySchedule })
    await listen({ eventTypes: ['endpoint.failing', 'endpoint.disabled'] })
    receiver.answer(503)
    await service.message(account)
    await service.advance({ hours: 23, minutes: 30 })
    receiver.answer(200)
    await service.message(account)
    await service.settled()
    receiver.answer(503)
    await service.message(account)
    await service.advance({ hours: 13 })
    expect((await heard()).map(({ data }) => data.percent)).toEqual([50, 70, 90, 50])
  })

  test('410 disables it, and however many were under way operators hear of it once', async () => {
    const { id: endpointId } = await service.endpoint(account, receiver, { timeoutMs: 30_000 })
    await listen({ eventTypes: ['endpoint.disabled', 'message.attempt.exhausted'] })
    await service.message(account) // proves it, so that several are sent at once
    await service.settled()
    const held: (() => void)[] = []
    receiver.answer((response) => void held.push(() => response.writeHead(410).end()))
    await service.messages(
      account,
      Array.from({ length: 5 }, () => ({ n: 1 })),
    )
    await expect.poll(() => held.length).toBe(5)
    for (const answer of held) answer()
    const events = await heard()
    expect(events.map(({ type }) => type).sort()).toEqual([
      'endpoint.disabled',
      ...Array.from({ length: 5 }, () => 'message.attempt.exhausted'),
    ])
    expect(events).toContainEqual({
      type: 'endpoint.disabled',
      data: { appId: account.id, appUid: null, endpointId, endpointUid: null, failSince: null, trigger: 'automatic' },
    })
  })

  test('an outcome that came too late to disable it is not announced as if it had', async () => {
    const { id: endpointId } = await service.endpoint(account, receiver)
    await listen({ eventTypes: ['endpoint.disabled'] })
    const changed = service.database.open('migrate')
    receiver.answer((response) => {
      // somebody changes the endpoint, and the owner has not heard of it yet
      void changed.query`update endpoint set version = version + 1 where id = ${endpointId}`.then(() =>
        response.writeHead(410).end(),
      )
    }, 410)
    await service.message(account)
    expect(await heardTypes()).toEqual([])
    const read = () => service.ok('GET', `/api/v1/app/${account.id}/endpoint/${endpointId}`)
    expect((await read()).disabled).toBe(false)
    await service.advance({ seconds: 2 })
    await service.message(account)
    expect(await heardTypes()).toEqual(['endpoint.disabled'])
    expect((await read()).disabled).toBe(true)
  })
})

test('47: a failing operational endpoint raises no event, and is disabled like any other', async () => {
  await service.endpoint(account, receiver)
  const own = await listen({ retrySchedule: [1, 1, 1, 1] })
  operator.answer(410)
  await service.message(account)
  await service.ok('POST', `/api/v1/app/${account.id}/endpoint`, { url: receiver.url })
  expect(await heardTypes()).toEqual(['endpoint.created'])
  await service.advance({ seconds: 10 })
  expect(await heardTypes()).toEqual(['endpoint.created'])
  expect(await service.ok('GET', `${PLACE}/${own.id}`)).toMatchObject({ disabled: true, disabledReason: 'gone' })
})

describe('operational endpoints', () => {
  test('are endpoints without channels, of types of their own, and nobody else’s', async () => {
    const made = await listen({ uid: 'ops', eventTypes: ['endpoint.created'], rateLimit: 5, channels: ['a'] })
    expect(made).toMatchObject({ uid: 'ops', filterTypes: ['endpoint.created'], throttleRate: 5 })
    expect(made).not.toHaveProperty('channels')
    expect(await service.ok('GET', PLACE)).toMatchObject({ data: [made], done: true })
    expect(await service.ok('GET', `${PLACE}/ops`)).toEqual(made)
    const wrong = await service.call('POST', PLACE, {
      url: operator.url,
      eventTypes: ['test.happened', 'endpoint.updated'],
    })
    expect([wrong.status, wrong.body.detail[0].msg]).toEqual([422, 'does not exist: test.happened'])
    const put = await service.call('PUT', `${PLACE}/other`, { url: operator.url })
    expect(put).toMatchObject({ status: 200, body: { uid: 'other', eventTypes: null } })
    expect((await service.call('PUT', `${PLACE}/other`, { url: operator.url, description: 'x' })).body).toMatchObject({
      id: put.body.id,
      description: 'x',
    })
    await service.ok('PUT', `${PLACE}/ops/headers`, { headers: { authorization: 'Bearer x', 'x-a': 'b' } })
    expect(await service.ok('GET', `${PLACE}/ops/headers`)).toEqual({
      headers: { 'x-a': 'b' },
      sensitive: ['authorization'],
    })
    const before = await service.ok('GET', `${PLACE}/ops/secret`)
    expect((await service.call('POST', `${PLACE}/ops/secret/rotate`)).status).toBe(204)
    expect(await service.ok('GET', `${PLACE}/ops/secret`)).not.toEqual(before)
    // the other environment has its own
    const sandbox = { token: service.keys.sandbox }
    expect(await service.ok('GET', PLACE, undefined, sandbox)).toMatchObject({ data: [], done: true })
    expect((await service.call('GET', `${PLACE}/${made.id}`, undefined, sandbox)).status).toBe(404)
    expect(
      (await service.call('GET', `${PLACE}/${made.id}`, undefined, { token: await service.token(account) })).status,
    ).toBe(403)
  })

  test('the account that they belong to is nowhere to be seen', async () => {
    await listen()
    const [row] = await service.database.open('migrate').query<{ id: string }>`
      select id from account where internal and environment = 'production'`
    const internal = String(row?.id)
    const ids = (await service.ok('GET', '/api/v1/app?limit=250')).data.map(({ id }: { id: string }) => id)
    expect(ids).toContain(account.id)
    expect(ids).not.toContain(internal)
    for (const path of ['', '/endpoint', '/msg']) {
      expect((await service.call('GET', `/api/v1/app/${internal}${path}`)).status, path).toBe(404)
    }
  })
})
