import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { DeliveryWorld, type Json } from '../../test/attempt-world.ts'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import type { Answer, TestAccount } from '../../test/service.ts'

let receiver: Receiver
let world: DeliveryWorld
let account: TestAccount
let endpoint: Json

beforeAll(async () => {
  receiver = await startReceiver()
  world = await DeliveryWorld.start({ receivers: [receiver] })
  for (const name of ['thing.made', 'thing.sold']) {
    await world.service.ok('POST', '/api/v1/event-type', { name, description: name })
  }
})
afterAll(async () => {
  await world.close()
  await receiver.close()
})
beforeEach(async () => {
  receiver.reset()
  account = await world.service.account()
  endpoint = await world.service.endpoint(account, receiver, {
    retrySchedule: [],
    timeoutMs: 30_000,
    description: 'Order system',
  })
})

const pathOf = (rest: string) => `/app/${account.id}/${rest}`

/** Messages whose first attempts are answered so; each some way from the others. */
async function messages(count: number, status: number, message: object = {}): Promise<string[]> {
  receiver.answer(status)
  const ids: string[] = []
  for (let index = 0; index < count; index += 1) {
    world.service.clock.advanceMs(8)
    ids.push((await world.service.message(account, message)).id)
  }
  await world.settled()
  receiver.answer(200)
  return ids
}

async function preview(body: object): Promise<Json> {
  const answer = await world.call('POST', pathOf('replay/preview'), { body })
  expect(answer.status, answer.text).toBe(200)
  return answer.body
}

async function start(body: object): Promise<Answer> {
  return await world.call('POST', pathOf('replay'), { body })
}

async function started(previewId: string, manner: object = {}): Promise<Json[]> {
  const answer = await start({ previewId, ...manner })
  expect(answer.status, answer.text).toBe(202)
  return answer.body.data
}

/** What the receiver gets until nothing more comes, in its order, test requests left out. */
async function receivedWhile(work: () => Promise<unknown>): Promise<string[]> {
  const before = receiver.requests.length
  await work()
  await world.advance(8)
  const got = receiver.requests.slice(before).filter(({ headers }) => headers['webhook-trigger'] !== 'test')
  return got.map(({ messageId }) => messageId)
}

async function erase(messageId: string): Promise<void> {
  await world.service.ok('DELETE', `/api/v1${pathOf(`msg/${messageId}/content`)}`)
}

describe('S12.1: the dry run', () => {
  test('counts what would be sent, says what is left out and why, and changes nothing', async () => {
    await messages(3, 200)
    const failed = await messages(5, 500)
    const [saved = '', erased = ''] = failed
    await world.call('POST', pathOf(`msg/${saved}/endpoint/${endpoint.id}/resend`))
    await world.settled()
    await erase(erased)
    const before = receiver.requests.length
    const shown = await preview({ kind: 'recover', endpointIds: [endpoint.id] })
    const [, , first, , last] = failed
    const timeOf = async (id = '') => (await world.get(pathOf(`msg/${id}`))).timestamp
    expect(shown).toMatchObject({
      previewId: expect.stringMatching(/^rprev_[0-9A-Za-z]{27}$/),
      kind: 'recover',
      retry: 'none',
      count: 3,
      capped: false,
      oldest: await timeOf(first),
      newest: await timeOf(last),
      excluded: { delivered: 1, payloadGone: 1, planned: 0 },
    })
    expect(shown.perEndpoint).toEqual([
      {
        endpointId: endpoint.id,
        url: endpoint.url,
        description: endpoint.description,
        disabled: false,
        runningReplayId: null,
        ...{ count: 3, capped: false, oldest: shown.oldest, newest: shown.newest, excluded: shown.excluded },
      },
    ])
    await world.advance(10)
    expect(receiver.requests).toHaveLength(before)
    expect(await world.all(pathOf('replay'))).toEqual([])
  })

  test('sees only what the filter means', async () => {
    const [one = ''] = await messages(2, 500, { eventType: 'thing.made' })
    await messages(1, 404, { eventType: 'thing.made' })
    await messages(1, 500, { eventType: 'thing.sold' })
    const delivered = await messages(2, 200, { eventType: 'thing.made' })
    const countOf = async (kind: string, filter: object) => (await preview({ kind, filter })).count
    expect(await countOf('recover', {})).toBe(4)
    expect(await countOf('recover', { type: ['thing.made'] })).toBe(3)
    expect(await countOf('recover', { class: ['http_not_found'] })).toBe(1)
    expect(await countOf('recover', { code: ['5xx'], type: ['thing.made'] })).toBe(2)
    expect(await countOf('bulk-replay', { state: ['exhausted', 'delivered'], type: ['thing.made'], test: false })).toBe(
      5,
    )
    expect(await countOf('bulk-replay', { state: ['delivered'], q: delivered[0] })).toBe(1)
    expect(await countOf('recover', { q: one })).toBe(1)
    const later = await world.service.endpoint(account, receiver, { eventTypes: ['thing.made'] })
    const missing = await preview({ kind: 'replay-missing', filter: { type: ['thing.made'], endpoint: [later.id] } })
    expect(missing).toMatchObject({ count: 5, retry: 'schedule', perEndpoint: [{ endpointId: later.id }] })
    await world.service.ok('PATCH', `/api/v1${pathOf(`endpoint/${later.id}`)}`, { disabled: true })
    const whileDisabled = await preview({ kind: 'replay-missing', filter: { endpoint: [later.id] } })
    expect(whileDisabled).toMatchObject({ count: 5, perEndpoint: [{ disabled: true }] })
  })

  test('bad input names the field; endpoints of others are no endpoints', async () => {
    const other = await world.service.account()
    const foreign = await world.service.endpoint(other, receiver)
    for (const [body, loc] of [
      [{}, ['body', 'kind']],
      [{ kind: 'recover', filter: { state: ['broken'] } }, ['body', 'filter', 'state', '[0]']],
      [{ kind: 'replay-missing', filter: { code: ['500'] } }, ['body', 'filter', 'code']],
      [{ kind: 'recover', filter: { from: '2026-01-01T00:00:00Z' } }, ['body', 'filter', 'from']],
      [{ kind: 'bulk-replay', filter: { from: '2026-03-02T00:00:00Z', to: '2026-03-01T00:00:00Z' } }, ['body', 'to']],
    ] as const) {
      const answer = await world.call('POST', pathOf('replay/preview'), { body })
      expect(answer, answer.text).toMatchObject({ status: 422 })
      expect(answer.body.detail.map(({ loc: at }: Json) => at)).toContainEqual(loc)
    }
    for (const body of [
      { kind: 'recover', endpointIds: [foreign.id] },
      { kind: 'recover', filter: { endpoint: [foreign.id] } },
    ]) {
      expect((await world.call('POST', pathOf('replay/preview'), { body })).status).toBe(404)
    }
  })
})

describe('S12.2: what was counted is what is sent', () => {
  test('the frozen filter up to the frozen time, same ids and bytes, marked as replays, and how far it is', async () => {
    const failed = await messages(4, 500)
    const bodyOf = (id: string) => receiver.requests.find(({ messageId }) => messageId === id)?.body
    const bodies = new Map(failed.map((id) => [id, bodyOf(id)]))
    const { previewId } = await preview({ kind: 'bulk-replay', filter: { state: ['exhausted'] } })
    const later = await messages(2, 500)
    const before = receiver.requests.length
    let replay: Json
    const got = await receivedWhile(async () => {
      ;[replay] = await started(previewId, { order: 'newest', rate: 5 })
    })
    expect(got).toEqual(failed.toReversed())
    expect(later.some((id) => got.includes(id))).toBe(false)
    for (const request of receiver.requests.slice(before)) {
      expect(request.headers['webhook-trigger']).toBe('replay')
      expect(request.body).toEqual(bodies.get(request.messageId))
    }
    const shown = await world.get(pathOf(`replay/${replay.id}`))
    expect(shown).toMatchObject({
      ...{ id: replay.id, kind: 'bulk-replay', endpointId: endpoint.id, status: 'finished', error: null },
      ...{ rate: 5, order: 'newest', retry: 'none', filter: { state: ['exhausted'] } },
      ...{ total: 4, planned: 4, done: 4, failed: 0, waiting: 0, skipped: 0, secondsLeft: 0 },
    })
    expect(await world.all(pathOf('replay'))).toEqual([shown])
    expect((await world.get(`/background-task/${replay.id}`)).task).toBe('endpoint.bulk-replay')
  })

  test('with the whole schedule: what the schedule goes on with is left out, the rest is retried', async () => {
    const path = `/api/v1${pathOf(`endpoint/${endpoint.id}`)}`
    const [given = ''] = await messages(1, 500)
    await world.service.ok('PATCH', path, { retrySchedule: [3_600, 3_600] })
    const [planned = ''] = await messages(1, 500)
    const shown = await preview({ kind: 'recover', retry: 'schedule' })
    expect(shown).toMatchObject({ count: 1, excluded: { planned: 1 } })
    receiver.answer(500, 200)
    const got = await receivedWhile(async () => {
      await started(shown.previewId)
      await world.advance(5)
      expect((await world.all(pathOf('replay')))[0]).toMatchObject({
        retry: 'schedule',
        planned: 1,
        done: 0,
        waiting: 1,
      })
      await world.advance(4_000)
    })
    expect(got.toSorted()).toEqual([given, given, planned].toSorted())
    expect((await world.all(pathOf('replay')))[0]).toMatchObject({ done: 1, failed: 0, waiting: 0 })
  })

  test('12.7: once, one at a time for an endpoint, never to a disabled one, all of them or none', async () => {
    const other = await world.service.endpoint(account, receiver, { retrySchedule: [] })
    await messages(10, 500)
    const both = await preview({ kind: 'recover' })
    expect(both.count).toBe(20)
    const slow = await preview({ kind: 'recover', endpointIds: [other.id] })
    const [running] = await started(slow.previewId, { rate: 1 })
    expect(await start({ previewId: both.previewId })).toMatchObject({
      status: 409,
      body: { code: 'task_running', taskId: running.id, endpointId: other.id },
    })
    expect((await preview({ kind: 'recover', endpointIds: [other.id] })).perEndpoint[0].runningReplayId).toBe(
      running.id,
    )
    expect((await world.all(pathOf('replay'))).map(({ id }) => id)).toEqual([running.id])
    const [again] = await started(slow.previewId, { rate: 1 })
    expect(again.id).toBe(running.id)
    await world.call('POST', `/background-task/${running.id}/cancel`)
    await world.settled() // what was under way ends as what it has become
    await world.service.ok('PATCH', `/api/v1${pathOf(`endpoint/${endpoint.id}`)}`, { disabled: true })
    expect(await start({ previewId: both.previewId })).toMatchObject({
      status: 409,
      body: { code: 'endpoint_disabled', endpointId: endpoint.id },
    })
    const shown = await world.get(pathOf(`replay/${running.id}`))
    expect(shown).toMatchObject({ status: 'failed', canceled: true, waiting: 0, secondsLeft: 0 })
    expect(shown.done + shown.canceledDeliveries).toBe(shown.planned)
    world.service.clock.advanceMs(3_600_001)
    expect((await start({ previewId: both.previewId })).status).toBe(404)
  })

  test('12.3: it is paused and goes on, and says how long it will take', async () => {
    await messages(20, 500)
    const { previewId } = await preview({ kind: 'recover' })
    const [replay] = await started(previewId, { rate: 2 })
    expect(replay).toMatchObject({ total: 20, planned: 0, secondsLeft: 10 })
    await world.advance(3)
    await world.call('POST', `/background-task/${replay.id}/pause`)
    await world.advance(5)
    const paused = await world.get(pathOf(`replay/${replay.id}`))
    expect(paused).toMatchObject({ status: 'running', paused: true, secondsLeft: null, waiting: 0 })
    expect(paused.done).toBe(paused.planned)
    expect(paused.done).toBeLessThan(20)
    await world.advance(60)
    expect((await world.get(pathOf(`replay/${replay.id}`))).done).toBe(paused.done)
    await world.call('POST', `/background-task/${replay.id}/resume`)
    await world.advance(12)
    expect(await world.get(pathOf(`replay/${replay.id}`))).toMatchObject({ status: 'finished', done: 20, failed: 0 })
  })

  test('12.3: once it is canceled, each delivery that was planned counts once, also one that was on the wire and has arrived', async () => {
    await messages(10, 500)
    const { previewId } = await preview({ kind: 'recover' })
    const held: ServerResponse[] = []
    receiver.answer((response) => void held.push(response))
    const [replay] = await started(previewId, { rate: 2 })
    await receiver.until(() => held.length > 0)
    expect((await world.call('POST', `/background-task/${replay.id}/cancel`)).status).toBe(200)
    const canceled = await world.get(pathOf(`replay/${replay.id}`))
    expect(canceled).toMatchObject({ done: 0, failed: 0, canceledDeliveries: canceled.planned, waiting: 0 })
    receiver.answer(200)
    for (const response of held) response.writeHead(200).end()
    await world.settled()
    expect(await world.get(pathOf(`replay/${replay.id}`))).toMatchObject({
      done: held.length,
      failed: 0,
      canceledDeliveries: canceled.planned - held.length,
      waiting: 0,
    })
  })

  test('12.8: another account sees neither the preview nor the replay', async () => {
    await messages(1, 500)
    const { previewId } = await preview({ kind: 'recover' })
    const [replay] = await started(previewId)
    account = await world.service.account()
    expect((await start({ previewId })).status).toBe(404)
    expect((await world.call('GET', pathOf(`replay/${replay.id}`))).status).toBe(404)
    expect(await world.all(pathOf('replay'))).toEqual([])
  })
})
