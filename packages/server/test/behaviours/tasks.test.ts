import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { DeliveryWorld, type Json } from '../attempt-world.ts'
import { type Receiver, startReceiver } from '../receiver.ts'
import type { TestAccount } from '../service.ts'

/** Long work on request, and who stops it (webhook-api 13; portal 2). */

let receiver: Receiver
let operator: Receiver
let world: DeliveryWorld
let account: TestAccount
let path: string

beforeAll(async () => {
  receiver = await startReceiver()
  operator = await startReceiver()
  world = await DeliveryWorld.start({ receivers: [receiver, operator] })
  await world.service.ok('POST', '/api/v1/operational-webhook/endpoint', {
    url: operator.url,
    eventTypes: ['background_task.finished'],
  })
})
afterAll(async () => {
  await world.close()
  await receiver.close()
  await operator.close()
})
beforeEach(async () => {
  receiver.reset()
  operator.reset()
  account = await world.service.account()
  path = `/app/${account.id}`
})
// what is still planned for its endpoints would reach the receiver in the next test
afterEach(async () => await world.service.ok('DELETE', `/api/v1/app/${account.id}`))

async function post(at: string, body?: object): Promise<Json> {
  return await world.service.ok('POST', `/api/v1${at}`, body)
}

/** Lets a task and its deliveries run to their ends. */
async function ended(id: string): Promise<Json> {
  for (;;) {
    await world.advance(5)
    const task = await world.get(`/background-task/${id}`)
    if (task.status !== 'running') return task
  }
}

/** What operators heard of a task. */
async function heardOf(id: string): Promise<Json[]> {
  await world.settled()
  return operator.requests.map(({ body }) => JSON.parse(body.toString())).filter(({ data }) => data.taskId === id)
}

describe('42: a bulk replay', () => {
  let endpoint: Json
  let sent: Record<string, Json>

  beforeEach(async () => {
    endpoint = await world.service.endpoint(account, receiver, { retrySchedule: [] })
    await post('/event-type', { name: `grouped.${account.id}`, description: '', groupName: `group.${account.id}` })
    receiver.answer(200)
    const delivered = await world.service.message(account, { eventType: 'a.made', channels: ['red'] })
    const tagged = await world.service.message(account, { eventType: `grouped.${account.id}`, tags: ['t'] })
    await world.settled()
    receiver.answer(404)
    const missing = await world.service.message(account, { eventType: 'a.made' })
    await world.settled()
    receiver.answer(503)
    const failed = await world.service.message(account, { eventType: 'b.made', channels: ['red'] })
    await world.settled()
    receiver.answer(200)
    sent = { delivered, tagged, missing, failed }
  })

  async function replayed(filter: object): Promise<{ names: string[]; task: Json }> {
    const since = new Date(world.service.clock.now().getTime() - 3_600_000).toISOString()
    const before = receiver.requests.length
    const { id, task } = await post(`${path}/endpoint/${endpoint.id}/bulk-replay`, { since, tag: null, ...filter })
    expect(task).toBe('endpoint.bulk-replay')
    const done = await ended(id)
    const got = receiver.requests.slice(before)
    expect(new Set(got.map(({ headers }) => headers['webhook-trigger']))).toEqual(
      new Set(got.length > 0 ? ['replay'] : []),
    )
    const ids = got.map(({ messageId }) => messageId)
    const nameOf = (messageId: string) => Object.keys(sent).find((name) => sent[name].id === messageId)
    return { names: ids.flatMap((messageId) => nameOf(messageId) ?? []).sort(), task: done }
  }

  test.each([
    { filter: { eventTypes: ['a.made'] }, names: ['delivered', 'missing'] },
    { filter: { eventTypes: [] }, names: ['delivered', 'failed', 'missing', 'tagged'] },
    { filter: { channel: 'red' }, names: ['delivered', 'failed'] },
    { filter: { tag: 't' }, names: ['tagged'] },
    { filter: { status: 2 }, names: ['failed', 'missing'] },
    { filter: { status: 0, channel: 'red' }, names: ['delivered'] },
    { filter: { statusCodeClass: 400 }, names: ['missing'] },
    { filter: { statusCodeClass: 500, eventTypes: ['a.made'] }, names: [] },
    { filter: { status: 4 }, names: [] },
  ])('sends once what passes $filter', async ({ filter, names }) => {
    const { names: got, task } = await replayed(filter)
    expect(got).toEqual(names)
    expect(task).toMatchObject({ status: 'finished', data: { appId: account.id, endpointId: endpoint.id } })
  })

  test('of a group is of its types, and goes by the latest attempt', async () => {
    expect((await replayed({ eventTypes: [`group.${account.id}`] })).names).toEqual(['tagged'])
    await post(`${path}/msg/${sent.failed.id}/endpoint/${endpoint.id}/resend`)
    await world.settled()
    expect((await replayed({ status: 2 })).names).toEqual(['missing'])
  })

  test('asked for again with another filter while it runs is refused, with the same it is the same task', async () => {
    const since = new Date(world.service.clock.now().getTime() - 3_600_000).toISOString()
    const at = `${path}/endpoint/${endpoint.id}/bulk-replay`
    const first = await post(at, { since, rate: 1 })
    expect((await post(at, { since, rate: 1, channel: null })).id).toBe(first.id)
    const other = await world.call('POST', at, { body: { since, rate: 1, channel: 'red' } })
    expect(other).toMatchObject({ status: 409, body: { code: 'task_running' } })
    await ended(first.id)
  })
})

describe('a task that somebody stops', () => {
  async function started(): Promise<{ task: Json; endpoint: Json }> {
    const endpoint = await world.service.endpoint(account, receiver, { retrySchedule: [] })
    receiver.answer(503)
    await world.service.messages(
      account,
      Array.from({ length: 40 }, () => ({ n: 1 })),
    )
    await world.settled()
    receiver.reset()
    const since = new Date(world.service.clock.now().getTime() - 3_600_000).toISOString()
    const task = await post(`${path}/endpoint/${endpoint.id}/recover`, { since, rate: 2 })
    await world.settled()
    return { task, endpoint }
  }

  test('47: it goes on where it stood once it is resumed, sends everything once, and operators hear of its end', async () => {
    const { task } = await started()
    const paused = await post(`/background-task/${task.id}/pause`)
    expect(paused).toMatchObject({ id: task.id, status: 'running', data: { paused: true } })
    expect(await post(`/background-task/${task.id}/pause`)).toMatchObject({ data: { paused: true } })
    await world.advance(60)
    const waiting = await world.get(`/background-task/${task.id}`)
    expect(waiting.data.messagesSent).toBeLessThan(20)
    expect(receiver.requests.length).toBe(waiting.data.messagesSent)
    const resumed = await post(`/background-task/${task.id}/resume`)
    expect(resumed.data).not.toHaveProperty('paused')
    expect(await ended(task.id)).toMatchObject({ status: 'finished', data: { messagesSent: 40 } })
    await world.advance(5) // what it has planned last
    expect(new Set(receiver.requests.map(({ messageId }) => messageId)).size).toBe(40)
    expect(receiver.requests).toHaveLength(40)
    expect((await world.call('POST', `/background-task/${task.id}/pause`)).status).toBe(409)
    expect(await heardOf(task.id)).toMatchObject([
      {
        type: 'background_task.finished',
        data: { task: 'endpoint.recover', status: 'finished', data: { messages_sent: 40 } },
      },
    ])
  })

  test('does not hold up the account’s next one while it is paused', async () => {
    const { task } = await started()
    await post(`/background-task/${task.id}/pause`)
    const next = await post(`${path}/msg/expunge-all-contents`)
    expect(await ended(next.id)).toMatchObject({ status: 'finished', data: { messagesPurged: 41 } })
    expect(await world.get(`/background-task/${task.id}`)).toMatchObject({ status: 'running' })
  })

  test('ends where it stands when it is canceled, and what it had planned is not sent', async () => {
    const { task } = await started()
    const got = receiver.requests.length
    expect(got).toBeLessThan(5)
    const canceled = await post(`/background-task/${task.id}/cancel`)
    expect(canceled).toMatchObject({ status: 'failed', data: { canceled: true } })
    expect(await post(`/background-task/${task.id}/cancel`)).toEqual(canceled)
    await world.advance(60)
    expect(receiver.requests).toHaveLength(got)
    expect(await world.all(`/background-task?status=failed&task=endpoint.recover`)).toContainEqual(canceled)
    expect(await heardOf(task.id)).toMatchObject([{ data: { status: 'failed', data: { canceled: true } } }])
    expect((await world.call('POST', `/background-task/${task.id}/resume`)).status).toBe(409)
  })

  test('is stopped by whoever may send, of the account alone', async () => {
    const { task } = await started()
    const other = await world.service.account()
    const may = (of: TestAccount, capability: 'ViewBase' | 'CreateAttempts') =>
      world.appToken(of, ['ViewBase', capability])
    const pause = async (token: string) =>
      (await world.call('POST', `/background-task/${task.id}/pause`, { token })).status
    expect(await pause(await may(account, 'ViewBase'))).toBe(403)
    expect(await pause(await may(other, 'CreateAttempts'))).toBe(404)
    expect(await pause(world.service.keys.sandbox)).toBe(404)
    expect(await pause(await may(account, 'CreateAttempts'))).toBe(200)
    await post(`/background-task/${task.id}/cancel`)
  })
})
