import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { visibleTo } from '#src/accounts/principal.ts'
import { addMs } from '#src/adapters/clock.ts'
import { parseWindow, toPage } from '#src/adapters/http/pages.ts'
import { IdSource, ksuidFloor } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { countIn } from '#src/tally/store.ts'
import {
  type AttemptRow,
  type EventRow,
  insertAttempts,
  insertEvents,
  plansOf,
  READ_WHOLE,
} from '../../test/attempt-rows.ts'
import { countAll } from '../../test/counted.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { type TestDatabase, testDatabase } from '../../test/postgres.ts'
import type { Ending, Standing } from './attempt.ts'
import { listDestinations, listEventsOf } from './standing-store.ts'
import { type AttemptFilter, type AttemptsOf, type EventFilter, listAttempts } from './store.ts'

const START = new Date('2026-03-02T00:00:00.000Z')
const clock = new ManualClock(START)
const ids = new IdSource(clock)
const account = { id: `app_${ids.next().ksuid}`, environment: 'production' as const }
const endpoints = [1, 2, 3].map(() => ({
  id: `ep_${ids.next().ksuid}`,
  accountId: account.id,
  environment: 'production',
}))
const [many = endpoints[0], few] = endpoints
const atMany = many ?? { id: '', accountId: '', environment: '' }
const events: EventRow[] = []
const attempts: AttemptRow[] = []
const groups: Record<string, string> = { 'order.paid': 'order', 'order.item.added': 'order.item' }

let database: TestDatabase
let api: Database

// Five days of three thousand attempts at an endpoint that gets everything, and of a few at one that does not.
beforeAll(async () => {
  database = await testDatabase()
  api = database.open('api')
  const owner = database.open('migrate')
  await owner.query`select make_partitions('2026-02-25', '2026-03-12')`
  await owner.query`insert into environment (name, id, created_at) values ('production', 'org_1', ${START})`
  await owner.query`
    insert into account (id, environment, name, data_key, population_max, created_at, updated_at)
    values (${account.id}, 'production', 'Test', '', 0, ${START}, ${START})`
  for (const [name, group] of Object.entries(groups)) {
    await owner.query`
      insert into event_type (environment, name, description, group_name, created_at, updated_at)
      values ('production', ${name}, '', ${group}, ${START}, ${START})`
  }
  for (const { id } of endpoints) {
    await owner.query`
      insert into endpoint (account_id, id, environment, url, created_at, updated_at)
      values (${account.id}, ${id}, 'production', 'https://northwind.com/hook', ${START}, ${START})`
  }
  const random = fc.sample(fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99), fc.nat(99)), { numRuns: 2_000, seed: 20260302 })
  const planned: Omit<AttemptRow, 'id'>[] = []
  for (const [a, b, c, d] of random) {
    clock.advanceMs(216_000)
    const createdAt = clock.now()
    const event: EventRow = {
      id: `msg_${ids.next().ksuid}`,
      accountId: account.id,
      type: ['plain', 'order.paid', 'order.item.added'][a % 3] ?? 'plain',
      channels: [[], ['red'], ['red', 'blue']][b % 3] ?? [],
      tags: c % 4 === 0 ? ['first'] : [],
      createdAt,
    }
    events.push(event)
    const of = { accountId: account.id, eventId: event.id }
    const endings: Ending[][] = [
      ['delivered'],
      ['delivered'],
      ['failed', 'delivered'],
      ['failed', 'failed'],
      ['failed', 'canceled'],
      ['canceled'],
    ]
    for (const [index, ending] of (endings[d % 6] ?? []).entries()) {
      // of some events even the first attempt comes hours later
      const startedAt = addMs(createdAt, index * 7_200_000 + (c % 7 === 0 ? 10_800_000 : 0))
      const statusCode = ending === 'failed' ? ([0, 302, 404, 500][a % 4] ?? 500) : ending === 'canceled' ? 0 : 200
      planned.push({
        ...of,
        endpointId: many?.id ?? '',
        ending,
        startedAt,
        statusCode,
        cause: c % 10 === 0 ? 'test' : 'event',
      })
    }
    if (a < 3 && few) planned.push({ ...of, endpointId: few.id, ending: 'delivered', startedAt: createdAt })
  }
  const made = new IdSource(clock)
  planned.sort((x, y) => x.startedAt.getTime() - y.startedAt.getTime())
  attempts.push(...planned.map((row) => ({ ...row, id: `atmpt_${made.next(row.startedAt).ksuid}` })))
  await insertEvents(owner, events)
  await insertAttempts(owner, attempts)
  clock.advanceMs(86_400_000)
  await owner.query`analyze attempt`
  await owner.query`analyze event`
})
afterAll(() => database.close())

async function within<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
  return await api.transaction({ settings: visibleTo('production', account.id) }, work)
}

/** The plans of what `work` reads, under row-level security as a request is. */
async function explained(work: (tx: Queryable) => Promise<unknown>): Promise<string> {
  return await within((tx) => plansOf(tx, work))
}

const everything: AttemptFilter = {
  ...{ types: null, channel: null, tag: null, ending: null, statusCodeClass: null },
  ...{ withContent: true, withEvent: false },
}

/** All pages of a list of attempts, forward or back. */
async function allAttempts(of: AttemptsOf, filter: AttemptFilter, limit = 250): Promise<string[]> {
  const found: string[] = []
  for (let iterator: string | null = null; ; ) {
    const page = parseWindow({ limit, iterator }, { prefix: 'atmpt_', now: clock.now() })
    const rows = await within((tx) => listAttempts(tx, account, of, page, filter))
    const shown = toPage(
      page,
      rows,
      (row) => row.id,
      (row) => row.id,
    )
    found.push(...shown.data)
    if (shown.done) return found
    iterator = shown.iterator
  }
}

const eventById = () => new Map(events.map((event) => [event.id, event]))

function passes(event: EventRow | undefined, { types, channel, tag }: EventFilter): boolean {
  if (!event) return false
  const names = [event.type ?? '', ...groupsOf(groups[event.type ?? ''] ?? '')]
  return (
    (types === null || types.some((name) => names.includes(name))) &&
    (channel === null || (event.channels ?? []).includes(channel)) &&
    (tag === null || (event.tags ?? []).includes(tag))
  )
}

function groupsOf(group: string): string[] {
  const parts = group.split('.')
  return group === '' ? [] : parts.map((_, index) => parts.slice(0, index + 1).join('.'))
}

const eventFilter = fc.record({
  types: fc.option(fc.constantFrom(['plain'], ['order'], ['order.item'], ['order.paid', 'plain'], ['unheard']), {
    nil: null,
  }),
  channel: fc.option(fc.constantFrom('red', 'blue', 'green'), { nil: null }),
  tag: fc.option(fc.constantFrom('first', 'none'), { nil: null }),
})

/** How each event stands with the endpoint, told from the rows; nothing is planned here. */
function standings(endpointId: string): Map<string, { latest: Standing; endings: Ending[] }> {
  const found = new Map<string, { latest: Standing; endings: Ending[] }>()
  for (const { eventId, endpointId: at, ending } of attempts) {
    if (at === endpointId)
      found.set(eventId, { latest: ending, endings: [...(found.get(eventId)?.endings ?? []), ending] })
  }
  return found
}

test('lists read indexes, newest first, and only the partitions of their window', async () => {
  const now = clock.now()
  const day = { after: addMs(START, 86_400_000), before: addMs(START, 2 * 86_400_000) }
  const page = parseWindow({ ...day, limit: 50 }, { prefix: 'atmpt_', now })
  const of = { event: null, endpointId: many?.id ?? '' }
  const all = await explained((tx) => listAttempts(tx, account, of, page, everything))
  expect(all).toMatch(/Index Scan Backward using attempt_20260303_account_id_endpoint_id_id_idx on attempt_20260303/)
  expect(all).not.toMatch(/attempt_202603(0[24-9]|1)/)
  expect(all).not.toMatch(/Sort/)

  const latest = parseWindow({ limit: 50 }, { prefix: 'atmpt_', now })
  const failed = await explained((tx) => listAttempts(tx, account, of, latest, { ...everything, ending: 'canceled' }))
  expect(failed).toMatch(/attempt_\d+_account_id_endpoint_id_id_idx1 on attempt_/)
  const refused = await explained((tx) =>
    listAttempts(tx, account, of, latest, { ...everything, statusCodeClass: 400 }),
  )
  expect(refused).toMatch(/attempt_\d+_account_id_endpoint_id_id_idx1 on attempt_/)
  expect(refused).not.toMatch(/attempt_\d+_account_id_endpoint_id_id_idx on attempt_/)

  const event = events[500]
  const byEvent = await explained((tx) =>
    listAttempts(tx, account, { event: { id: event?.id ?? '' }, endpointId: null }, latest, everything),
  )
  expect(byEvent).toMatch(/Index Scan.* using attempt_20260303_pkey on attempt_20260303/)
  expect(byEvent).not.toMatch(/attempt_202602/)

  const destinations = await explained((tx) =>
    listDestinations(tx, account.id, event?.id ?? '', { ...latest, above: null, below: null }),
  )
  const newest = parseWindow({ limit: 50 }, { prefix: 'msg_', now })
  const filter = { types: null, channel: null, tag: null, withContent: true }
  const events_ = await explained((tx) => listEventsOf(tx, { ...atMany, shard: 0 }, newest, null, filter))
  expect(events_).toMatch(/Index Scan Backward using event_\d+_pkey/)
  for (const plan of [all, failed, byEvent, destinations, events_]) expect(plan).not.toMatch(READ_WHOLE)
})
test('14: attempts are paged forward and back, each once, in the same order', async () => {
  const of = { event: null, endpointId: many?.id ?? '' }
  const forward = await allAttempts(of, everything, 97)
  const back: string[] = []
  for (let iterator = `-${forward.at(-1)}`; ; ) {
    const page = parseWindow({ limit: 97, iterator }, { prefix: 'atmpt_', now: clock.now() })
    const rows = await within((tx) => listAttempts(tx, account, of, page, everything))
    const shown = toPage(
      page,
      rows,
      (row) => row.id,
      (row) => row.id,
    )
    back.unshift(...shown.data)
    if (shown.done) break
    iterator = shown.prevIterator ?? ''
  }
  expect(back).toEqual(forward.slice(0, -1))
})

describe.each([
  ['before it has been counted', null],
  ['after some of it has been counted', [86_400_000, 3 * 86_400_000]],
])('%s', (_, counted) => {
  beforeAll(async () => {
    if (counted) await countAll(database, addMs(START, counted[0] ?? 0), addMs(START, counted[1] ?? 0))
  })

  test('17: attempt filters by status, code class, channel, tag, type and endpoint agree with a full scan', async () => {
    const byId = eventById()
    const filters = fc.record({
      event: eventFilter,
      ending: fc.option(fc.constantFrom<Ending>('delivered', 'failed', 'canceled'), { nil: null }),
      statusCodeClass: fc.option(fc.constantFrom(0, 100, 200, 300, 400, 500), { nil: null }),
      endpoint: fc.constantFrom(...endpoints),
      limit: fc.constantFrom(250, 100, 7),
    })
    await fc.assert(
      fc.asyncProperty(filters, async ({ event, ending, statusCodeClass, endpoint, limit }) => {
        const wanted = attempts
          .filter((row) => row.endpointId === endpoint.id)
          .filter((row) => ending === null || row.ending === ending)
          .filter(
            (row) => statusCodeClass === null || Math.floor((row.statusCode ?? 200) / 100) * 100 === statusCodeClass,
          )
          .filter((row) => passes(byId.get(row.eventId), event))
          .map((row) => row.id)
        const of = { event: null, endpointId: endpoint.id }
        const enough = wanted.length > 500 ? 250 : limit
        const found = await allAttempts(of, { ...everything, ...event, ending, statusCodeClass }, enough)
        expect(found).toEqual(wanted.toSorted().toReversed())
      }),
      { numRuns: 40 },
    )
  })

  test('messages of an endpoint agree with a full scan, for each status', async () => {
    const matches: Record<Standing, (endings: Ending[]) => boolean> = {
      delivered: (endings) => endings.includes('delivered'),
      failed: (endings) => endings.includes('failed') && !endings.includes('delivered'),
      canceled: (endings) => endings.includes('canceled') && !endings.includes('delivered'),
      waiting: () => false,
      retrying: () => false,
    }
    const wish = fc.record({
      wanted: fc.option(fc.constantFrom<Standing>('delivered', 'failed', 'canceled', 'waiting', 'retrying'), {
        nil: null,
      }),
      event: eventFilter,
      endpoint: fc.constantFrom(...endpoints),
      limit: fc.constantFrom(250, 60),
      after: fc.constantFrom(null, 0, 1, 3, 5), // days: read upwards from there
    })
    await fc.assert(
      fc.asyncProperty(wish, async ({ wanted, event, endpoint, limit, after }) => {
        const known = standings(endpoint.id)
        const expected = events
          .filter((row) => passes(row, event))
          .flatMap(({ id }) => {
            const standing = known.get(id)
            if (!standing || (wanted !== null && !matches[wanted](standing.endings))) return []
            return [{ id, standing: wanted ?? standing.latest }]
          })
          .toReversed()
        const found: { id: string; standing: Standing }[] = []
        const since = after === null ? undefined : addMs(START, after * 86_400_000)
        for (let iterator: string | null = null; ; ) {
          const window = {
            limit,
            iterator: iterator ?? undefined,
            ...(since && iterator === null ? { after: since } : {}),
          }
          const page = parseWindow(window, { prefix: 'msg_', now: clock.now() })
          const filter = { ...event, withContent: false }
          const { rows } = await within((tx) => listEventsOf(tx, { ...endpoint, shard: 0 }, page, wanted, filter))
          const shown = toPage(
            page,
            rows,
            (row) => ({ id: row.event.id, standing: row.standing }),
            (row) => row.event.id,
          )
          if (since) {
            const sinceId = `msg_${ksuidFloor(since)}`
            expect(shown.data).toEqual(expected.filter(({ id }) => id >= sinceId).slice(-limit))
            return
          }
          found.push(...shown.data)
          if (shown.done) break
          iterator = shown.iterator
        }
        expect(found).toEqual(expected)
      }),
      { numRuns: 30 },
    )
  })

  test('messages of an endpoint are found from any place on, also those that were first attempted hours later', async () => {
    const known = standings(atMany.id)
    const filter = { types: null, channel: null, tag: null, withContent: false }
    for (let place = 500; place < 1_300; place += 100) {
      for (const back of [false, true]) {
        const iterator = `${back ? '-' : ''}${events[place]?.id}`
        const page = parseWindow({ limit: 40, iterator }, { prefix: 'msg_', now: clock.now() })
        const { rows } = await within((tx) => listEventsOf(tx, { ...atMany, shard: 0 }, page, null, filter))
        const side = back ? events.slice(place + 1) : events.slice(0, place).toReversed()
        const expected = side.filter(({ id }) => known.has(id)).slice(0, 41)
        expect(rows.map((row) => row.event.id)).toEqual(expected.map(({ id }) => id))
      }
    }
  })

  test('8.1, 53: counts equal those of the lists for the same range, test requests left out', async () => {
    const from = addMs(START, 86_400_000)
    const until = addMs(START, 3 * 86_400_000)
    const endpoint = many ?? { id: '' }
    const of = { accountId: account.id, endpointId: endpoint.id }
    const counts = await within((tx) => countIn(tx, of, { since: from, until }, clock.now()))
    const inRange = attempts.filter(
      (row) => row.endpointId === endpoint.id && row.cause !== 'test' && row.startedAt >= from && row.startedAt < until,
    )
    const countOf = (ending: Ending) => inRange.filter((row) => row.ending === ending).length
    expect(counts).toEqual({ success: countOf('delivered'), failure: countOf('failed'), canceled: countOf('canceled') })
    expect(counts.success).toBeGreaterThan(100)
  })
})
