import { afterAll, beforeAll, expect, test } from 'vitest'
import { DeliveryWorld, type Json } from '../attempt-world.ts'
import { type Receiver, startReceiver } from '../receiver.ts'
import type { TestAccount } from '../service.ts'

/** Behaviour 53: statistics equal the counts of the lists for the same range, tests left out (webhook-api 8.1). */

let receiver: Receiver
let world: DeliveryWorld
let account: TestAccount
let other: TestAccount
let path: string
let endpoints: Json[]
const start = new Date('2026-03-06T15:00:00.000Z')

beforeAll(async () => {
  receiver = await startReceiver()
  world = await DeliveryWorld.start({ receivers: [receiver] })
  account = await world.service.account()
  other = await world.service.account()
  path = `/app/${account.id}`
  await world.service.ok('POST', '/api/v1/event-type', { name: 'order.paid', description: '', groupName: 'order' })
  const own = { retrySchedule: [60] }
  endpoints = [
    await world.service.endpoint(account, receiver, own),
    await world.service.endpoint(account, receiver, { ...own, eventTypes: ['order'] }),
  ]
  await world.service.endpoint(other, receiver, own)
  await world.service.message(other)
  for (const status of [200, 503, 410]) {
    receiver.answer(status)
    // one after the other: of two at once, the 410 of one may or may not come in time to cancel the other
    for (const eventType of ['order.paid', 'a.made']) {
      await world.service.message(account, { eventType })
      await world.settled()
    }
    await world.service.advance({ minutes: 7 })
  }
  for (const { id } of endpoints) {
    await world.service.ok('PATCH', `/api/v1${path}/endpoint/${id}`, { disabled: false })
  }
  receiver.answer(503)
  await world.service.message(account, { eventType: 'order.paid' })
  await world.settled()
  await world.service.ok('PATCH', `/api/v1${path}/endpoint/${endpoints[0].id}`, { disabled: true })
  await world.service.advance({ hours: 3 })
})
afterAll(async () => {
  await world.close()
  await receiver.close()
})

const now = () => world.service.clock.now()
const iso = (moment: Date) => encodeURIComponent(moment.toISOString())

/** All attempts and cancellations of the account but of tests, as the lists have them. */
async function listed(): Promise<Json[]> {
  const rows: Json[] = []
  for (const { id } of endpoints) {
    rows.push(...(await world.all(`${path}/attempt/endpoint/${id}?expanded_statuses=true&with_msg=true`)))
  }
  return rows.filter(({ msg }) => !msg.tags?.includes('webhook.test'))
}

function countsOf(rows: Json[]) {
  const of = (status: number) => rows.filter((row) => row.status === status).length
  return { success: of(0), failure: of(2), canceled: of(4) }
}

test('53: by event type', async () => {
  const rows = await listed()
  const answer = await world.get(`${path}/stats/attempts?since=${iso(start)}&until=${iso(now())}`)
  const total = countsOf(rows)
  expect(total).toMatchObject({ success: expect.any(Number), canceled: 1 })
  expect(Math.min(...Object.values(total))).toBeGreaterThan(0)
  const byType = (name: string) => countsOf(rows.filter(({ msg }) => msg.eventType === name))
  expect(answer).toEqual({
    since: start.toISOString(),
    until: now().toISOString(),
    total_success: total.success,
    total_failure: total.failure,
    total_canceled: total.canceled,
    by_event_type: { 'a.made': byType('a.made'), 'order.paid': byType('order.paid') },
  })
  for (const name of ['order.paid', 'order']) {
    const one = await world.get(`${path}/stats/attempts?since=${iso(start)}&until=${iso(now())}&event_types=${name}`)
    expect(one.by_event_type).toEqual({ 'order.paid': byType('order.paid') })
  }
})

test.each([
  { period: 'OneDay', everyMs: 86_400_000, count: 28 },
  { period: 'OneHour', everyMs: 3_600_000, count: 24 },
  { period: 'FiveMinutes', everyMs: 300_000, count: 12 },
])('53: by periods of $period, aligned to UTC', async ({ period, everyMs, count }) => {
  const rows = await listed()
  const at = `/stats/app/${account.id}/attempt?period=${period}`
  const byDefault = await world.get(at)
  expect(byDefault.data.successCount).toHaveLength(count)
  const answer = await world.get(`${at}&startDate=${iso(start)}&endDate=${iso(now())}`)
  const [from, until] = [Date.parse(answer.startDate), Date.parse(answer.endDate)]
  expect(from % everyMs).toBe(0)
  expect(from).toBeLessThanOrEqual(start.getTime())
  expect(until).toBeGreaterThanOrEqual(now().getTime())
  expect(until - now().getTime()).toBeLessThan(everyMs)
  const within = (index: number) => {
    const first = from + index * everyMs
    return rows.filter(({ timestamp }) => Date.parse(timestamp) >= first && Date.parse(timestamp) < first + everyMs)
  }
  const wanted = Array.from({ length: (until - from) / everyMs }, (_, index) => countsOf(within(index)))
  expect(answer.data).toEqual({
    successCount: wanted.map(({ success }) => success),
    failureCount: wanted.map(({ failure }) => failure),
    canceledCount: wanted.map(({ canceled }) => canceled),
  })
  const some = await world.get(`${at}&startDate=${iso(start)}&endDate=${iso(now())}&event_types=order`)
  const sum = (counts: number[]) => counts.reduce((total, next) => total + next, 0)
  expect(sum(some.data.failureCount)).toBe(countsOf(rows.filter(({ msg }) => msg.eventType === 'order.paid')).failure)
})

test('53: ranges beyond the limits are refused, those at the limits are not', async () => {
  const daysAgo = (days: number, minutes = 0) => iso(new Date(now().getTime() - days * 86_400_000 - minutes * 60_000))
  const status = async (at: string) => {
    const { status: code, body } = await world.call('GET', at)
    return code === 400 ? body.code : code
  }
  const byType = `${path}/stats/attempts`
  expect(await status(`${byType}?since=${daysAgo(28, 5)}&until=${iso(now())}`)).toBe(200)
  expect(await status(`${byType}?since=${daysAgo(28, 6)}&until=${iso(now())}`)).toBe('invalid_range')
  expect(await status(`${byType}?since=${daysAgo(1)}&until=${daysAgo(2)}`)).toBe('invalid_range')
  expect(await status(`${byType}?since=${daysAgo(1)}&until=${daysAgo(-1)}`)).toBe('invalid_range')
  expect((await world.call('GET', `${byType}?since=${daysAgo(1)}`)).status).toBe(422)
  const byPeriod = `/stats/app/${account.id}/attempt`
  for (const [period, days] of [
    ['OneDay', 90],
    ['OneHour', 14],
    ['FiveMinutes', 1],
  ] as const) {
    const query = `${byPeriod}?period=${period}&endDate=${iso(now())}`
    expect(await status(`${query}&startDate=${daysAgo(days)}`)).toBe(200)
    expect(await status(`${query}&startDate=${daysAgo(days, 6)}`)).toBe('invalid_range')
  }
  expect(await status(`${byPeriod}?endDate=${daysAgo(-1)}`)).toBe('invalid_range')
  expect((await world.call('GET', `${byPeriod}?period=OneYear`)).status).toBe(422)
})

test('53: usage by application, of some or of all', async () => {
  const made = async (of: TestAccount) => {
    const ends = await world.service.ok('GET', `/api/v1/app/${of.id}/endpoint`)
    const rows: Json[] = []
    for (const { id } of ends.data)
      rows.push(...(await world.all(`/app/${of.id}/attempt/endpoint/${id}?expanded_statuses=true&with_msg=true`)))
    return rows.filter(({ msg, status }) => status !== 4 && !msg.tags?.includes('webhook.test')).length
  }
  const range = { since: start.toISOString(), until: now().toISOString() }
  const started = await world.service.ok('POST', '/api/v1/stats/usage/app', range)
  expect(started).toMatchObject({ task: 'application.stats', status: 'running', unresolvedAppIds: [] })
  await world.settled()
  const whole = await world.get(`/background-task/${started.id}`)
  expect(whole.status).toBe('finished')
  const wanted = [
    { appId: account.id, appUid: null, messageDestinations: await made(account) },
    { appId: other.id, appUid: null, messageDestinations: await made(other) },
  ]
  expect(whole.data).toEqual({ appStats: wanted })
  const some = await world.service.ok('POST', '/api/v1/stats/usage/app', { ...range, appIds: ['nobody', other.id] })
  expect(some.unresolvedAppIds).toEqual(['nobody'])
  await world.settled()
  expect((await world.get(`/background-task/${some.id}`)).data).toEqual({ appStats: wanted.slice(1) })
  const none = await world.call('POST', '/stats/usage/app', { body: { ...range, appIds: ['nobody'] } })
  expect(none.status).toBe(422)
  const long = { ...range, since: new Date(now().getTime() - 91 * 86_400_000).toISOString() }
  expect((await world.call('POST', '/stats/usage/app', { body: long })).body.code).toBe('invalid_range')
  // what is of the environment is no application's
  const token = await world.appToken(account, ['ViewBase'])
  expect((await world.call('GET', `/background-task/${started.id}`, { token })).status).toBe(404)
})

test('53: the event types that applications have chosen', async () => {
  const started = await world.service.ok('PUT', '/api/v1/stats/usage/event-types')
  expect(started).toMatchObject({ task: 'event-type.aggregate' })
  await world.settled()
  expect(await world.get(`/background-task/${started.id}`)).toMatchObject({
    status: 'finished',
    data: {
      event_types: [
        { appId: account.id, explicitlySubscribedEventTypes: ['order'], hasCatchAllEndpoint: true },
        { appId: other.id, explicitlySubscribedEventTypes: [], hasCatchAllEndpoint: true },
      ],
    },
  })
})
