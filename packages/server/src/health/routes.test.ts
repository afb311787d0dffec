import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import { IdSource } from '#src/adapters/ids.ts'
import { insertAttempts, insertEvents } from '../../test/attempt-rows.ts'
import { DeliveryWorld, type Json } from '../../test/attempt-world.ts'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import type { TestAccount } from '../../test/service.ts'

let receiver: Receiver
/** Where nobody listens any more. */
let silentUrl: string
let world: DeliveryWorld
let account: TestAccount

beforeAll(async () => {
  receiver = await startReceiver()
  const silent = await startReceiver()
  silentUrl = silent.url
  world = await DeliveryWorld.start({ receivers: [receiver, silent] })
  await silent.close()
})
afterAll(async () => {
  await world.close()
  await receiver.close()
})
beforeEach(async () => {
  receiver.answer(200)
  account = await world.service.account()
})

async function endpointOf(settings: object = {}): Promise<Json> {
  return await world.service.endpoint(account, receiver, settings)
}

async function message(eventType = 'test.happened'): Promise<Json> {
  const made = await world.service.message(account, { eventType })
  await world.settled()
  return made
}

const healthOf = async (endpoint: Json, query = '') =>
  await world.get(`/app/${account.id}/endpoint/${endpoint.id}/health${query}`)
const rows = async (query = '') => (await world.get(`/app/${account.id}/endpoint-health${query}`)).data
const summary = async () => await world.get(`/app/${account.id}/summary`)
const nowText = () => world.service.clock.now().toISOString()
/** A moment of an attempt that began then: it ends when it has taken its time. */
const about = (text: string): string =>
  expect.toSatisfy((other: string) => Math.abs(Date.parse(other) - Date.parse(text)) < 10_000)

test('E/health: what was attempted, by hours and by class, until now; a test request is not part of it', async () => {
  const endpoint = await endpointOf({ retrySchedule: [60] })
  await message()
  receiver.answer(500, 404)
  await message()
  await world.advance(120)
  const health = await healthOf(endpoint)
  expect(health).toMatchObject({
    endpointId: endpoint.id,
    state: 'degraded',
    ok: 1,
    failed: 2,
    waiting: 0,
    limitMs: 5_000,
    retrySchedule: [60],
    bucket: 'OneHour',
    failure: { class: 'http_not_found' },
    disablesAt: expect.any(String),
  })
  expect(health.classes).toEqual([
    { class: 'http_not_found', title: 'No such path or method', count: 1 },
    { class: 'http_server_error', title: 'Error 5xx', count: 1 },
  ])
  expect(health.buckets).toHaveLength(24)
  expect(health.buckets.at(-1)).toMatchObject({
    ok: 1,
    failed: 2,
    classes: { http_server_error: 1, http_not_found: 1 },
  })
  expect(health.buckets[0]).toMatchObject({ ok: 0, failed: 0, p50Ms: null, p95Ms: null, maxMs: null, classes: {} })
  expect(health.p95Ms).toBeLessThanOrEqual(health.maxMs)
  expect(await healthOf(endpoint, '?bucket=FiveMinutes')).toMatchObject({ ok: 1, failed: 2 })
  const before = addMs(world.service.clock.now(), -86_400_000).toISOString()
  expect(await healthOf(endpoint, `?bucket=OneDay&from=${before}&to=${before}`)).toMatchObject({ ok: 0, failed: 0 })
  const tooLong = `?bucket=FiveMinutes&from=${addMs(world.service.clock.now(), -2 * 86_400_000).toISOString()}`
  expect((await world.call('GET', `/app/${account.id}/endpoint/${endpoint.id}/health${tooLong}`)).status).toBe(400)
})

test('an endpoint goes from unverified over healthy to failing with the moment of its first failure, and back', async () => {
  const path = `/api/v1/app/${account.id}/endpoint`
  receiver.answer(503)
  const endpoint = await world.service.ok(
    'POST',
    path,
    { url: receiver.url, description: 'Orders', retrySchedule: [300, 300, 300] },
    { token: account.key },
  )
  await world.settled()
  expect(await healthOf(endpoint)).toMatchObject({
    state: 'unverified',
    since: endpoint.createdAt,
    lastSuccessAt: null,
    retrySchedule: [300, 300, 300],
  })
  receiver.answer(200)
  await world.advance(2) // what is not proven gets an attempt a second
  await message()
  const provenAt = nowText()
  expect(await healthOf(endpoint)).toMatchObject({
    state: 'healthy',
    since: about(provenAt),
    failure: null,
    lastSuccessAt: about(provenAt),
  })

  await world.advance(3_700) // an hour later its past says nothing
  receiver.answer(503)
  const failingSince = nowText()
  await message()
  await world.advance(700)
  expect(await healthOf(endpoint)).toMatchObject({
    state: 'failing',
    since: about(failingSince),
    failure: { class: 'http_busy' },
    waiting: 1,
    nextAttempt: expect.any(String),
    disablesAt: about(addMs(new Date(failingSince), 5 * 86_400_000).toISOString()),
  })
  expect(await summary()).toMatchObject({
    failingSince: about(failingSince),
    deliveries: { retrying: 1, exhausted: 0 },
    attention: [
      { kind: 'endpoint_failing', endpointId: endpoint.id, description: 'Orders', since: about(failingSince) },
    ],
  })
  receiver.answer(200)
  await world.advance(400)
  const recoveredBefore = nowText()
  await world.advance(3_700)
  expect(await healthOf(endpoint)).toMatchObject({ state: 'healthy', disablesAt: null })
  const { since } = await healthOf(endpoint)
  expect([since > failingSince, Date.parse(since) <= Date.parse(recoveredBefore) + 10_000]).toEqual([true, true])
})

test('a breaker that is open shows as paused, with the time of the next try; a disabled endpoint since when and why', async () => {
  const settings = { url: silentUrl, retrySchedule: [5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5] }
  const endpoint = await world.service.ok('POST', `/api/v1/app/${account.id}/endpoint`, settings, {
    token: account.key,
  })
  await message()
  await message()
  await world.advance(30)
  const paused = await healthOf(endpoint)
  expect(paused).toMatchObject({ state: 'paused', failure: { class: 'connect_refused' } })
  expect(paused.pausedUntil > paused.since).toBe(true)
  expect((await healthOf(await endpointOf())).retrySchedule).toEqual(
    [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400], // of the environment
  )

  await world.service.ok('PATCH', `/api/v1/app/${account.id}/endpoint/${endpoint.id}`, { disabled: true })
  const disabledAt = nowText()
  await world.advance(100)
  expect(await healthOf(endpoint)).toMatchObject({
    state: 'disabled',
    since: disabledAt,
    disabledReason: 'manual',
    pausedUntil: null,
  })
  expect((await summary()).attention).toEqual([]) // somebody wanted it so
})

test('A/endpoint-health: pages of endpoints with their last day, by state, text and type', async () => {
  const made: Json[] = []
  for (const description of ['alpha', 'beta', 'gamma'])
    made.push(await endpointOf({ description, eventTypes: ['producersync.npn.activated'] }))
  await endpointOf({ description: 'delta', disabled: true, eventTypes: ['producersync.npn.deactivated'] })
  await message('producersync.npn.activated')
  const first = await world.get(`/app/${account.id}/endpoint-health?limit=2`)
  expect(first).toMatchObject({
    done: false,
    data: made.slice(0, 2).map(({ id }) => ({ endpointId: id, state: 'healthy' })),
  })
  const next = await world.get(`/app/${account.id}/endpoint-health?limit=2&iterator=${first.iterator}`)
  expect(next).toMatchObject({
    done: true,
    data: [{ description: 'gamma', ok: 1, failed: 0, waiting: 0 }, { description: 'delta' }],
  })
  expect(next.data[0].hours).toHaveLength(24)
  expect(next.data[0].hours.at(-1)).toEqual({ ok: 1, failed: 0 })
  expect((await rows('?state=disabled')).map((row: Json) => row.description)).toEqual(['delta'])
  expect((await rows('?state=healthy&limit=1')).map((row: Json) => row.description)).toEqual(['alpha'])
  expect((await rows('?q=GAM')).map((row: Json) => row.description)).toEqual(['gamma'])
  expect((await rows('?type=producersync.npn.deactivated')).map((row: Json) => row.description)).toEqual(['delta'])
  const other = await world.service.account()
  expect((await world.get(`/app/${other.id}/endpoint-health`)).data).toEqual([])
})

test('S1.5: the summary says the same of 1 and of 100 endpoints, and nothing of an account without any', async () => {
  const empty = await summary()
  expect(empty).toMatchObject({
    endpoints: { total: 0, healthy: 0 },
    failingSince: null,
    deliveries: { delivered: 0, exhausted: 0, retrying: 0, waiting: 0, of: 0, nextAttempt: null },
    responseTime: { p95Ms: null, limitMs: 5_000 },
    attention: [],
  })
  expect(empty.checklist.map(({ done }: Json) => done)).toEqual([false, false, false, false, false])

  const ids = new IdSource(world.service.clock)
  const at = world.service.clock.now()
  const endpointIds = Array.from({ length: 100 }, () => `ep_${ids.next().ksuid}`)
  await world.owner.query`
    insert into endpoint (account_id, id, environment, url, created_at, updated_at, proven_at)
    select ${account.id}, e.id, 'production', 'https://northwind.com/' || e.id, ${at}, ${at}, ${at}
      from unnest(${endpointIds}::text[]) as e (id)`
  const event = { id: `msg_${ids.next().ksuid}`, accountId: account.id, createdAt: at }
  await insertEvents(world.owner, [event])
  await insertAttempts(
    world.owner,
    endpointIds.map((endpointId, index) => ({
      ...{ id: `atmpt_${ids.next().ksuid}`, accountId: account.id, eventId: event.id, endpointId, startedAt: at },
      ending: index < 4 ? ('failed' as const) : ('delivered' as const),
    })),
  )
  const full = await summary()
  expect(full).toMatchObject({
    endpoints: { total: 100, healthy: 96, degraded: 4 },
    deliveries: { delivered: 96, exhausted: 4, of: 100 },
    attention: Array.from({ length: 4 }, () => ({ kind: 'endpoint_degraded' })),
  })
  expect(full.checklist).toMatchObject([
    { step: 'producers', done: false },
    { step: 'endpoint', done: true },
    { step: 'test_answered', done: true },
    { step: 'signature_checked', done: false },
    { step: 'first_event', done: true },
  ])
})

test('S1.1: the daily signal card tells when the last run was published, and how many endpoints have it', async () => {
  await endpointOf({ eventTypes: ['producersync.updates_available'] })
  await endpointOf()
  const publishedAt = addMs(world.service.clock.now(), -60_000)
  await world.owner.query`
    insert into nipr_run (id, feed_id, run_date, state, trigger, next_try_at, scheduled_at, published_at, ended_at)
    values (gen_random_uuid(), 'production', ${publishedAt.toISOString().slice(0, 10)}, 'published', 'schedule', ${publishedAt},
            ${publishedAt}, ${publishedAt}, ${publishedAt})`
  const { signal } = await summary()
  expect(signal.days).toHaveLength(14)
  expect(signal.days.at(-1)).toMatchObject({ publishedAt: publishedAt.toISOString() })
  // the account is told in the transaction that publishes
  expect(signal.last).toMatchObject({ publishedAt: publishedAt.toISOString(), msgId: null, of: 0 })
  const event = {
    id: `msg_${new IdSource(world.service.clock).next(publishedAt).ksuid}`,
    accountId: account.id,
    createdAt: publishedAt,
  }
  await insertEvents(world.owner, [{ ...event, type: 'producersync.updates_available' }])
  const [first = '', second = ''] = (await rows()).map((row: Json) => row.endpointId)
  const ids = new IdSource(world.service.clock)
  await insertAttempts(
    world.owner,
    [first, second].map((endpointId) => ({
      ...{
        id: `atmpt_${ids.next().ksuid}`,
        accountId: account.id,
        eventId: event.id,
        endpointId,
        startedAt: publishedAt,
      },
      ending: endpointId === first ? ('delivered' as const) : ('failed' as const),
    })),
  )
  expect((await summary()).signal.last).toMatchObject({ msgId: event.id, delivered: 1, of: 2 })
})

test('who may read: ViewBase of the account itself', async () => {
  const endpoint = await endpointOf()
  const other = await world.service.account()
  const paths = [
    `/app/${account.id}/summary`,
    `/app/${account.id}/endpoint-health`,
    `/app/${account.id}/endpoint/${endpoint.id}/health`,
  ]
  const mine = await world.appToken(account, ['ViewBase'])
  const none = await world.appToken(account, ['ManageEndpoint'])
  const foreign = await world.appToken(other, ['ViewBase'])
  for (const path of paths) {
    const statuses = await Promise.all(
      [mine, none, foreign].map(async (token) => (await world.call('GET', path, { token })).status),
    )
    expect(statuses).toEqual([200, 403, 404])
  }
})
