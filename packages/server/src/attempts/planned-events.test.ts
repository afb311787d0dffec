import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { visibleTo } from '#src/accounts/principal.ts'
import { parseWindow } from '#src/adapters/http/pages.ts'
import { IdSource } from '#src/adapters/ids.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { type EventRow, insertAttempts, insertEvents } from '../../test/attempt-rows.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { type TestDatabase, testDatabase } from '../../test/postgres.ts'
import { type PlannedBounds, plannedEvents } from './planned-events.ts'
import type { EventFilter } from './store.ts'

const START = new Date('2026-03-02T00:00:00.000Z')
const EVENTS = 3_000
const clock = new ManualClock(START)
const ids = new IdSource(clock)
const accountId = `app_${ids.next().ksuid}`
const endpoints = [1, 2].map((shard) => ({ accountId, id: `ep_${ids.next().ksuid}`, shard }))
const [endpoint = { accountId: '', id: '', shard: 0 }] = endpoints

type Planned = { event: EventRow; endpointId: string; queue: number; attemptsMade: number; wasResent: boolean }
const planned: Planned[] = []
let database: TestDatabase
let api: Database

// Half of what is planned is the other endpoint's; every seventh event was sent on request besides.
beforeAll(async () => {
  database = await testDatabase()
  api = database.open('api')
  const owner = database.open('migrate')
  await owner.query`select make_partitions('2026-03-01', '2026-03-04')`
  await owner.query`insert into environment (name, id, created_at) values ('production', 'org_1', ${START})`
  await owner.query`
    insert into account (id, environment, name, data_key, population_max, created_at, updated_at)
    values (${accountId}, 'production', 'Test', '', 0, ${START}, ${START})`
  const random = fc.sample(fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99)), { numRuns: EVENTS, seed: 20260302 })
  for (const [a, b, c] of random) {
    clock.advanceMs(8)
    const type = a % 50 === 0 ? 'rare' : 'usual'
    const event = { id: `msg_${ids.next().ksuid}`, accountId, type, createdAt: clock.now() }
    const queue = b % 3
    const attemptsMade = queue === 0 ? 0 : queue === 1 ? 1 + (c % 3) : c % 2
    planned.push({ event, endpointId: endpoints[a % 2]?.id ?? '', queue, attemptsMade, wasResent: c % 7 === 0 })
  }
  await insertEvents(
    owner,
    planned.map(({ event }) => event),
  )
  const made = planned.filter(({ attemptsMade, wasResent }) => attemptsMade > 0 || wasResent)
  await insertAttempts(
    owner,
    made.map(({ event, endpointId, wasResent }) => ({
      ...{ accountId, eventId: event.id, endpointId, ending: 'failed', startedAt: event.createdAt },
      ...{ id: `atmpt_${ids.next().ksuid}`, cause: wasResent ? 'resend' : 'event' },
    })),
  )
  await owner.query`
    insert into pending (account_id, event_id, delivery_id, endpoint_id, shard, queue, cause, attempts_made, created_at, due_at)
    select ${accountId}, r.event_id, gen_random_uuid(), r.endpoint_id, case r.endpoint_id when ${endpoint.id} then 1 else 2 end, r.queue,
           case r.queue when 2 then 'replay' else 'event' end, r.made, ${START}, ${START}::timestamptz + r.nth * interval '-1 s'
      from unnest(${planned.map(({ event }) => event.id)}::text[], ${planned.map(({ endpointId }) => endpointId)}::text[],
                  ${planned.map(({ queue }) => queue)}::smallint[], ${planned.map(({ attemptsMade }) => attemptsMade)}::smallint[])
             with ordinality as r (event_id, endpoint_id, queue, made, nth)`
  await owner.query`analyze event, attempt, pending`
})
afterAll(() => database.close())

const anything: EventFilter = { types: null, channel: null, tag: null }

async function listed(
  wanted: 'waiting' | 'retrying',
  filter: EventFilter,
  given: { after?: Date; iterator?: string },
  bounds: PlannedBounds,
): Promise<{ found: string[]; stops: number }> {
  const page = parseWindow({ ...given }, { prefix: 'msg_', now: clock.now() })
  const found: string[] = []
  let stops = 0
  let window: { from: string; until: string } | null = { from: page.from, until: page.below ?? page.until }
  while (window !== null) {
    const { from, until }: { from: string; until: string } = window
    window = null
    await api.transaction({ settings: visibleTo('production', accountId) }, async (tx) => {
      for await (const some of plannedEvents(tx, endpoint, page, wanted, filter, { from, until }, bounds)) {
        if ('stoppedAt' in some) {
          stops += 1
          window = page.read === 'descending' ? { from, until: some.stoppedAt } : { from: `${some.stoppedAt}0`, until }
        } else found.push(...some)
      }
    })
  }
  return { found, stops }
}

function expected(wanted: 'waiting' | 'retrying', type: string | null, below = '~'): string[] {
  const isMeant = ({ attemptsMade, wasResent }: Planned) =>
    wanted === 'waiting' ? attemptsMade === 0 && !wasResent : attemptsMade > 0 || wasResent
  return planned
    .filter((each) => each.endpointId === endpoint.id && isMeant(each) && each.event.id < below)
    .filter(({ event }) => type === null || event.type === type)
    .map(({ event }) => event.id)
}

const unbounded = { passed: 100_000, passedFiltered: 100_000 }

test.each([
  ['sorted', { sorted: 20_000, ...unbounded }, false],
  ['met in order', { sorted: 0, ...unbounded }, false],
  ['met in order, a part at a time', { sorted: 0, passed: 1, passedFiltered: 1 }, true],
])('what is planned is named once, in order, all of it and little else: %s', async (_, bounds, isStopped) => {
  const middle = planned[EVENTS / 2]?.event.id ?? ''
  for (const wanted of ['waiting', 'retrying'] as const) {
    for (const type of [null, 'rare', 'never']) {
      const filter = type === null ? anything : { ...anything, types: [type] }
      for (const [given, below] of [
        [{}, '~'],
        [{ iterator: middle }, middle],
        [{ after: START }, '~'],
      ] as const) {
        const { found, stops } = await listed(wanted, filter, given, bounds)
        expect(stops > 0).toBe(isStopped)
        const inOrder = found.toSorted()
        expect(found).toEqual('after' in given ? inOrder : inOrder.reverse())
        expect(new Set(found).size).toBe(found.length)
        const meant = expected(wanted, type, below)
        expect(meant.filter((id) => !found.includes(id))).toEqual([])
        // those that were sent on request wait no more, and replays not attempted yet do not retry
        expect(found.length).toBeLessThanOrEqual(meant.length * 2)
      }
    }
  }
})
