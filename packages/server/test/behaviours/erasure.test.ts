import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { DeliveryWorld, type Json } from '../attempt-world.ts'
import { type Receiver, startReceiver } from '../receiver.ts'
import type { TestAccount } from '../service.ts'

/** What is erased, and what is not kept for longer (webhook-api 14). */

const MARK = 'erase-me-5f3a'

let receiver: Receiver
let world: DeliveryWorld
let account: TestAccount
let path: string

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
  path = `/api/v1/app/${account.id}`
})
afterEach(async () => await world.service.ok('DELETE', `/api/v1/app/${account.id}`))

const service = () => world.service

/** Is the marked text, as it is or in bytes, anywhere in the tables? */
async function isStored(): Promise<boolean> {
  const tables = await world.owner.query<{ name: string }>`
    select c.oid::regclass::text as name from pg_class c where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace`
  const hex = Buffer.from(MARK).toString('hex')
  for (const { name } of tables) {
    const text = `select 1 from ${name} as r where r::text like '%' || $1 || '%' or r::text like '%' || $2 || '%' limit 1`
    if ((await world.owner.run({ text, values: [MARK, hex] })).length > 0) return true
  }
  return false
}

describe('54: an erased payload', () => {
  test('is gone from the tables; planned deliveries are canceled, and it cannot be sent again', async () => {
    const endpoint = await service().endpoint(account, receiver, { retrySchedule: [60, 60] })
    receiver.answer(503)
    const { id } = await service().message(account, { payload: { text: MARK }, eventId: 'order-7' })
    await world.settled()
    expect(await isStored()).toBe(true)
    expect(await service().destinations(account, id)).toMatchObject([{ status: 3 }])
    expect((await service().call('DELETE', `${path}/msg/order-7/content`)).status).toBe(204)
    expect(await isStored()).toBe(false)
    expect(await service().destinations(account, id)).toMatchObject([{ status: 4, statusText: 'canceled' }])
    const got = receiver.requests.length
    await world.advance(600)
    expect(receiver.requests).toHaveLength(got)
    expect(await service().ok('GET', `${path}/msg/${id}`)).toMatchObject({
      id,
      eventId: 'order-7',
      eventType: 'test.happened',
      payload: { expired: true },
    })
    expect((await service().attempts(account, id)).map(({ status }: Json) => status)).toEqual([2, 4])
    const resend = await service().call('POST', `${path}/msg/${id}/endpoint/${endpoint.id}/resend`)
    expect(resend).toMatchObject({ status: 400, body: { code: 'missing_payload' } })
    // once more changes nothing
    expect((await service().call('DELETE', `${path}/msg/order-7/content`)).status).toBe(204)
  })

  test('that waits in memory is not sent either', async () => {
    await service().endpoint(account, receiver, { maxConcurrency: 1, timeoutMs: 30_000 })
    const held: (() => void)[] = []
    receiver.answer((response) => void held.push(() => response.writeHead(200).end()), 200)
    const [first, second] = await service().messages(account, [{ n: 1 }, { n: 2 }])
    await expect.poll(() => held.length).toBe(1)
    await service().ok('DELETE', `${path}/msg/${second}/content`)
    // the owner reads the endpoint anew before it starts anything
    service().clock.advanceMs(2_000)
    for (const answer of held) answer()
    await world.settled()
    expect(receiver.events.map(({ messageId }) => messageId)).toEqual([first])
    expect(await service().destinations(account, String(second))).toMatchObject([{ status: 4 }])
  })

  test('in bulk: by ids and event ids, each is answered for', async () => {
    const one = await service().message(account, { payload: { text: MARK } })
    const two = await service().message(account, { payload: { text: MARK }, eventId: 'two' })
    const kept = await service().message(account, { payload: { text: 'kept' } })
    const foreign = await service().message(await service().account())
    const ids = [one.id, 'two', foreign.id, 'none', 'msg_nonsense']
    expect(await service().ok('POST', `${path}/msg/bulk-expunge`, { ids })).toEqual({
      results: {
        [one.id]: 'expunged',
        two: 'expunged',
        [foreign.id]: 'not-found',
        none: 'not-found',
        msg_nonsense: 'not-found',
      },
    })
    expect(await isStored()).toBe(false)
    const { data } = await service().ok('GET', `${path}/msg`)
    expect(data.map(({ id, payload }: Json) => [id, payload])).toEqual([
      [kept.id, { text: 'kept' }],
      [two.id, { expired: true }],
      [one.id, { expired: true }],
    ])
    expect(await service().ok('POST', `${path}/msg/bulk-expunge`)).toEqual({ results: {} })
    const many = { ids: Array.from({ length: 1_001 }, (_, index) => `m${index}`) }
    expect((await service().call('POST', `${path}/msg/bulk-expunge`, many)).status).toBe(422)
  })

  test('all of an application’s, by a task', async () => {
    const texts = Array.from({ length: 1_000 }, () => ({ text: MARK }))
    await service().messages(account, texts)
    await service().messages(account, texts.slice(0, 5))
    const task = await service().ok('POST', `${path}/msg/expunge-all-contents`)
    expect(task).toMatchObject({ task: 'application.purge_content', status: 'running' })
    await world.settled()
    expect(await world.get(`/background-task/${task.id}`)).toMatchObject({
      status: 'finished',
      data: { messagesPurged: 1_005 },
    })
    expect(await isStored()).toBe(false)
    const later = await service().message(account, { payload: { text: 'later' } })
    expect((await service().ok('GET', `${path}/msg/${later.id}`)).payload).toEqual({ text: 'later' })
  })
})

test('54: an erased answer is EXPUNGED, and its headers are gone', async () => {
  await service().endpoint(account, receiver)
  receiver.answer((response) => void response.writeHead(200, { 'x-secret': MARK }).end(MARK))
  const { id } = await service().message(account)
  await world.settled()
  const [attempt] = await service().attempts(account, id)
  expect(attempt.response).toBe(MARK)
  const at = `${path}/msg/${id}/attempt/${attempt.id}`
  expect((await service().call('DELETE', `${at}/content`)).status).toBe(204)
  expect(await service().ok('GET', at)).toMatchObject({ response: 'EXPUNGED', responseStatusCode: 200 })
  expect((await service().ok('GET', `${at}/headers`)).responseHeaders).toBeNull()
  expect(await isStored()).toBe(false)
  receiver.answer(200)
  const other = await service().message(account)
  expect((await service().call('DELETE', `${path}/msg/${other.id}/attempt/${attempt.id}/content`)).status).toBe(404)
})

test('54: a payload whose own time is over is gone, except while a delivery of it is planned', async () => {
  await service().endpoint(account, receiver, { retrySchedule: [86_400] })
  const gone = await service().message(account, { payload: { text: MARK }, payloadRetentionHours: 1 })
  await world.settled()
  receiver.answer(503)
  const planned = await service().message(account, { payload: { text: 'planned' }, payloadRetentionHours: 1 })
  await world.settled()
  await service().advance({ hours: 2 })
  expect((await service().ok('GET', `${path}/msg/${gone.id}`)).payload).toEqual({ expired: true })
  expect((await service().ok('GET', `${path}/msg/${planned.id}`)).payload).toEqual({ text: 'planned' })
  expect(await isStored()).toBe(false)
  receiver.answer(200)
  await service().advance({ hours: 24 })
  expect(receiver.events.at(-1)?.body.toString()).toBe('{"text":"planned"}')
  expect((await service().ok('GET', `${path}/msg/${planned.id}`)).payload).toEqual({ expired: true })
})
