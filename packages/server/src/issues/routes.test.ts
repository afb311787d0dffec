import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { DeliveryWorld, type Json } from '../../test/attempt-world.ts'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import type { TestAccount } from '../../test/service.ts'

let receiver: Receiver
let world: DeliveryWorld
let account: TestAccount
let endpoint: Json

beforeAll(async () => {
  receiver = await startReceiver()
  world = await DeliveryWorld.start({ receivers: [receiver] })
})
afterAll(async () => {
  await world.close()
  await receiver.close()
})
beforeEach(async () => {
  receiver.reset()
  account = await world.service.account()
  endpoint = await world.service.endpoint(account, receiver, { retrySchedule: [], description: 'Order system' })
})

const pathOf = (rest: string) => `/app/${account.id}/${rest}`

async function issues(query = ''): Promise<Json[]> {
  return await world.all(pathOf(`issue${query}`))
}

async function change(issue: Json, body: object): Promise<Json> {
  return await world.service.ok('PATCH', `/api/v1${pathOf(`issue/${issue.id}`)}`, body)
}

/** Messages whose attempts are answered so. */
async function messages(count: number, status: number): Promise<string[]> {
  receiver.answer(status)
  const ids: string[] = []
  for (let index = 0; index < count; index += 1) ids.push((await world.service.message(account)).id)
  await world.settled()
  receiver.answer(200)
  return ids
}

/** What works for whoever sweeps: it looks by itself, and now. */
async function swept(): Promise<void> {
  await world.service.app.notices?.settled()
}

describe('S13: issues', () => {
  test('failed attempts at one endpoint of one class are one issue, with first, last and counts', async () => {
    const [first] = await messages(2, 500)
    const firstAt = (await world.service.attempts(account, first ?? ''))[0].timestamp
    world.service.clock.advanceMs(60_000)
    const [last = ''] = (await messages(1, 500)).slice(-1)
    const [missed] = await messages(1, 404)
    const found = await issues()
    const [attempt] = await world.service.attempts(account, last)
    expect(found).toHaveLength(2)
    expect(found[0]).toMatchObject({ latestMsgId: missed, count: 1, failure: { class: 'http_not_found' } })
    expect(found[1]).toEqual({
      id: expect.stringMatching(/^iss_[0-9A-Za-z]{27}$/),
      endpointId: endpoint.id,
      endpointUrl: endpoint.url,
      endpointDescription: 'Order system',
      state: 'open',
      failure: expect.objectContaining({ class: 'http_server_error', advice: expect.any(String) }),
      ...{ firstAt, lastAt: attempt.timestamp, count: 3, events: 3, exhausted: 3 },
      ...{ latestAttemptId: attempt.id, latestMsgId: last },
      ...{ acknowledgedAt: null, resolvedAt: null, resolvedBy: null, note: null },
    })
    expect(await world.get(pathOf(`issue/${found[1].id}`))).toEqual(found[1])
    expect(await issues('?class=http_not_found')).toEqual([found[0]])
    expect(await issues(`?endpoint=${endpoint.id}&state=resolved`)).toEqual([])
  })

  test('retries count as attempts, not as further messages; tests, resends and cancellations count as nothing', async () => {
    const path = `/api/v1${pathOf(`endpoint/${endpoint.id}`)}`
    await world.service.ok('PATCH', path, { retrySchedule: [5, 3_600] })
    receiver.answer(503)
    const { id } = await world.service.message(account)
    await world.advance(6)
    await world.service.ok('POST', `${path}/send-example`, { eventType: 'webhook.ping' })
    await world.call('POST', pathOf(`msg/${id}/endpoint/${endpoint.id}/resend`))
    await world.settled()
    await world.service.ok('PATCH', path, { disabled: true })
    await world.settled()
    expect(await issues()).toMatchObject([{ count: 2, events: 1, exhausted: 0, failure: { class: 'http_busy' } }])
  })

  test('it is over once the endpoint delivers again and the trouble stays away; then the same is another issue', async () => {
    await messages(2, 500)
    await messages(1, 200)
    await swept()
    expect(await issues()).toMatchObject([{ state: 'open' }])
    world.service.clock.advanceMs(600_000)
    await swept()
    const [resolved] = await issues()
    expect(resolved).toMatchObject({ state: 'resolved', resolvedBy: 'delivered', count: 2 })
    expect(resolved.resolvedAt).toBe(world.service.clock.now().toISOString())
    await messages(1, 500)
    expect(await issues()).toMatchObject([{ state: 'open', count: 1 }, resolved])
    expect(await issues('?state=unresolved')).toHaveLength(1)
  })

  test('quiet alone does not end it; the deletion of the endpoint does', async () => {
    await messages(1, 500)
    world.service.clock.advanceMs(3_600_000)
    await swept()
    expect(await issues()).toMatchObject([{ state: 'open' }])
    await world.service.ok('DELETE', `/api/v1${pathOf(`endpoint/${endpoint.id}`)}`)
    await swept()
    expect(await issues()).toMatchObject([{ state: 'resolved', resolvedBy: 'endpoint_deleted' }])
  })

  test('a person acknowledges, notes, resolves and reopens; one that has begun anew cannot be opened twice', async () => {
    await messages(1, 500)
    const [issue] = await issues()
    const now = () => world.service.clock.now().toISOString()
    expect(await change(issue, { state: 'acknowledged', note: 'Anna looks' })).toMatchObject({
      ...{ state: 'acknowledged', acknowledgedAt: now(), note: 'Anna looks', resolvedAt: null },
    })
    await messages(1, 500)
    expect(await issues()).toMatchObject([{ id: issue.id, state: 'acknowledged', count: 2 }])
    expect(await change(issue, { state: 'resolved' })).toMatchObject({ state: 'resolved', resolvedBy: 'person' })
    expect(await change(issue, { state: 'open' })).toMatchObject({
      state: 'open',
      resolvedBy: null,
      acknowledgedAt: null,
    })
    await change(issue, { state: 'resolved', note: null })
    await messages(1, 500)
    const again = await world.service.call('PATCH', `/api/v1${pathOf(`issue/${issue.id}`)}`, { state: 'open' })
    expect(again).toMatchObject({ status: 409, body: { code: 'conflict' } })
    for (const body of [{ state: 'gone' }, { note: 7 }, { id: 'iss_1' }]) {
      expect((await world.service.call('PATCH', `/api/v1${pathOf(`issue/${issue.id}`)}`, body)).status).toBe(422)
    }
    account = await world.service.account()
    expect((await world.call('GET', pathOf(`issue/${issue.id}`))).status).toBe(404)
    expect(await issues()).toEqual([])
  })
})
