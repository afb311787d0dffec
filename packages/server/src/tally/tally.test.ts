import fc from 'fast-check'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { visibleTo } from '#src/accounts/principal.ts'
import { addMs } from '#src/adapters/clock.ts'
import { IdSource } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { countByEndpoint } from '#src/statistics/attempt-counts.ts'
import { type AttemptRow, type EventRow, insertAttempts, insertEvents } from '../../test/attempt-rows.ts'
import { countAll, countToTheEnd } from '../../test/counted.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { HELD_OPEN, type TestDatabase, testDatabase } from '../../test/postgres.ts'
import { FIVE_MS, HOUR_MS } from './covered.ts'
import { countByPeriod, countByType, countIn } from './store.ts'
import { TallyRunner } from './tally-runner.ts'

const START = new Date('2026-03-02T22:40:00.000Z')
const HOURS = 9
const FIVES_FROM = new Date('2026-03-03T02:40:00.000Z')
const HOURS_UNTIL = new Date('2026-03-03T06:00:00.000Z')
const clock = new ManualClock(START)
const ids = new IdSource(clock)
const account = { id: `app_${ids.next().ksuid}`, environment: 'production' as const }
const endpointIds = [1, 2, 3].map(() => `ep_${ids.next().ksuid}`)
const visible = visibleTo('production', account.id)

let database: TestDatabase
let api: Database
let owner: Database
let runner: TallyRunner

// Hours of attempts, some of them tests and cancellations.
beforeAll(async () => {
  database = await testDatabase()
  api = database.open('api')
  owner = database.open('migrate')
  const worker = database.open('worker')
  runner = new TallyRunner({ database: worker, clock, log: pino({ level: 'silent' }) })
  await owner.query`select make_partitions('2026-03-01', '2026-03-08')`
  await owner.query`insert into environment (name, id, created_at) values ('production', 'org_1', ${START})`
  await owner.query`
    insert into account (id, environment, name, data_key, population_max, created_at, updated_at)
    values (${account.id}, 'production', 'Test', '', 0, ${START}, ${START})`
  for (const id of endpointIds) {
    await owner.query`
      insert into endpoint (account_id, id, environment, url, created_at, updated_at)
      values (${account.id}, ${id}, 'production', 'https://northwind.com/hook', ${START}, ${START})`
  }
  const events: EventRow[] = []
  const attempts: Omit<AttemptRow, 'id'>[] = []
  const random = fc.sample(fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99)), { numRuns: 900, seed: 20260302 })
  for (const [a, b, c] of random) {
    clock.advanceMs((HOURS * HOUR_MS) / 900)
    const event = {
      id: `msg_${ids.next().ksuid}`,
      accountId: account.id,
      createdAt: clock.now(),
      type: ['a.b', 'c', 'd'][a % 3] ?? 'd',
    }
    events.push(event)
    const cause = b % 9 === 0 ? 'test' : 'event'
    const of = { accountId: account.id, eventId: event.id, endpointId: endpointIds[c % 3] ?? '', cause }
    attempts.push({
      ...of,
      ending: b % 7 === 0 ? 'failed' : b % 11 === 0 ? 'canceled' : 'delivered',
      startedAt: clock.now(),
    })
    if (c % 5 === 0) attempts.push({ ...of, ending: 'delivered', startedAt: addMs(clock.now(), -(c % 4) * HOUR_MS) })
  }
  attempts.sort((x, y) => x.startedAt.getTime() - y.startedAt.getTime())
  const made = new IdSource(clock)
  await insertEvents(owner, events)
  await insertAttempts(
    owner,
    attempts.map((row) => ({ ...row, id: `atmpt_${made.next(row.startedAt).ksuid}` })),
  )
  await owner.query`update attempt set duration_ms = abs(hashtext(id)) % 4000`
})
afterAll(async () => {
  await runner.close()
  await database.close()
})

async function begin(from: Date): Promise<void> {
  await owner.query`
    insert into tally_progress (covers_from, covers_until, next_until, next_after)
    values (${from}, ${from}, ${from}, pg_current_xact_id())`
}

async function count(now: Date): Promise<void> {
  clock.advanceTo(now)
  runner.look()
  await runner.settled()
}

async function within<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
  return await api.transaction({ settings: visible, readOnly: true }, work)
}

/** All kinds of statistics, of times with all kinds of edges. */
async function statistics(now: Date): Promise<unknown> {
  const times = [0, 17 * 60_000 + 123, 3 * HOUR_MS, 7 * HOUR_MS].map((ms) => addMs(START, ms))
  const found: unknown[] = []
  for (const since of times) {
    for (const until of [addMs(START, 5 * HOUR_MS + 7_777), now]) {
      if (since >= until) continue
      for (const types of [null, ['a'], ['a.b', 'd']]) {
        const counts = await within((tx) => countByType(tx, account, { since, until }, types, now))
        found.push([...counts])
      }
      found.push(
        await within((tx) =>
          countIn(tx, { accountId: account.id, endpointId: endpointIds[1] ?? '' }, { since, until }, now),
        ),
      )
    }
  }
  for (const everyMs of [FIVE_MS, HOUR_MS, 24 * HOUR_MS]) {
    const from = Math.floor(now.getTime() / everyMs) * everyMs
    const bounds = Array.from({ length: 21 }, (_, index) => new Date(from + (index - 19) * everyMs))
    for (const types of [null, ['c']]) {
      found.push(await within((tx) => countByPeriod(tx, account, bounds, types, now)))
    }
    const byEndpoint = await within((tx) => countByEndpoint(tx, { accountId: account.id, endpointIds }, bounds, now))
    found.push([...byEndpoint].map(([id, periods]) => [id, [...periods].sort(([a], [b]) => a - b)]).sort())
  }
  return found
}

test('statistics say the same before their attempts have been counted and after, whatever the time that is asked for', async () => {
  const now = addMs(clock.now(), 4 * 60_000)
  const later = addMs(now, 30 * HOUR_MS)
  const [looked, lookedLater] = [await statistics(now), await statistics(later)]
  await begin(FIVES_FROM)
  clock.advanceTo(now)
  await countToTheEnd(owner, runner)
  expect(await statistics(now)).toEqual(looked)
  const [hours] = await owner.query<{ count: number }>`
    select count(distinct starts_at) as count from endpoint_tally where minutes = 60`
  expect(hours?.count).toBe(4)

  await owner.query`delete from type_tally`
  await owner.query`delete from endpoint_tally`
  await owner.query`delete from tally_progress`
  await countAll(database, START, HOURS_UNTIL) // what is long ago is counted by hours at once
  expect(await statistics(later)).toEqual(lookedLater)
})

test('what a transaction under way may still store is not counted before it has ended, and then it is', async () => {
  const until = addMs(clock.now(), 10 * 60_000)
  const startedAt = addMs(clock.now(), 60_000)
  const event = { id: `msg_${ids.next(startedAt).ksuid}`, accountId: account.id, createdAt: startedAt }
  const of = { accountId: account.id, eventId: event.id, endpointId: endpointIds[0] ?? '', startedAt }
  const late = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  const storing = owner.transaction(HELD_OPEN, async (tx) => {
    await tx.query`select pg_current_xact_id()`
    begun.resolve()
    await late.promise
    await insertEvents(tx, [event])
    await insertAttempts(tx, [{ ...of, id: `atmpt_${ids.next(startedAt).ksuid}`, ending: 'delivered' }])
  })
  await begun.promise
  const range = { since: addMs(startedAt, -1_000), until: addMs(startedAt, 1_000) }
  const read = () => within((tx) => countIn(tx, { accountId: account.id, endpointId: null }, range, until))
  const covered = async () =>
    (await owner.query<{ covers_until: Date }>`select covers_until from tally_progress`)[0]?.covers_until
  await count(until)
  expect(await covered()).toEqual(expect.any(Date))
  expect(((await covered()) ?? until) < startedAt).toBe(true)
  late.resolve()
  await storing
  expect(await read()).toMatchObject({ success: 1 })
  await expect
    .poll(async () => {
      await count(until)
      return ((await covered()) ?? startedAt) > startedAt
    })
    .toBe(true)
  expect(await read()).toMatchObject({ success: 1 })
})
