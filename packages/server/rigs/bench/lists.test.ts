import { afterAll, beforeAll, expect, test } from 'vitest'
import { HISTORY_DAYS } from './history.ts'
import { type ListsFigures, measureLists, slowLists } from './lists.ts'
import { parseOptions, UsageError } from './options.ts'
import { asSuperuser } from './service.ts'
import { openStage, type Stage } from './stage.ts'

const DELIVERIES = 3_000
const REQUESTS = 1

let stage: Stage
let close: () => Promise<void>
let figures: ListsFigures

beforeAll(async () => {
  ;({ stage, close } = await openStage({ seed: 1, profile: null, keep: null }, () => {}))
  figures = await measureLists(stage, { attempts: DELIVERIES, requests: REQUESTS, secondsMax: 10 })
}, 600_000)
afterAll(async () => await close?.())

test('at least as many attempts are stored as were asked for, on all the days', async () => {
  const { stored } = figures
  expect(stored.attempts).toBeGreaterThanOrEqual(DELIVERIES)
  const [row] = await ask<{ days: number; large: number }>(`
    select count(distinct a.tableoid)::int as days,
           (select max(n)::float8 / sum(n) from (select count(*) as n from event group by account_id) as of_account) as large
      from attempt a where a.cause = 'event'`)
  expect(row?.days).toBe(HISTORY_DAYS)
  expect(row?.large).toBeGreaterThan(0.5)
})

test('what is stored fits together as what the service stores does', async () => {
  const [row] = await ask<Record<string, number>>(`
    select (select count(*)::int from attempt a
             where not exists (select from event e where e.account_id = a.account_id and e.id = a.event_id)) as without_event,
           (select count(*)::int from attempt a
             where not exists (select from endpoint t where t.account_id = a.account_id and t.id = a.endpoint_id)) as without_endpoint,
           (select count(*)::int from attempt a where a.state = 'pending' and a.cause = 'event'
               and not exists (select from attempt n where n.delivery_id = a.delivery_id and n.number = a.number + 1)
               and not exists (select from pending p where p.delivery_id = a.delivery_id and p.attempts_made = a.number)) as without_next,
           (select count(*)::int from (select from attempt group by delivery_id
                                       having count(*) filter (where state <> 'pending') > 1) as d) as ended_twice,
           (select count(*)::int from attempt where ksuid_floor(started_at - interval '1 s') > substr(id, 7)) as before_their_id,
           (select count(*)::int from pending where due_at < now() + interval '1 hour') as due,
           (select count(*)::int from pg_index i join pg_class c on c.oid = i.indrelid
             where c.relname ~ '^(attempt|event)_[0-9]' and not i.indisvalid) as invalid_indexes,
           (select count(*)::int from pg_class c
             where c.relname ~ '^(attempt|event)_[0-9]' and pg_get_userbyid(c.relowner) <> 'psapi_migrate') as owned_by_others`)
  expect(row).toEqual({
    without_event: 0,
    without_endpoint: 0,
    without_next: 0,
    ended_twice: 0,
    before_their_id: 0,
    due: 0,
    invalid_indexes: 0,
    owned_by_others: 0,
  })
})

test('every list is asked for, of the large account and of a small one, and answers', () => {
  const { lists } = figures
  expect(lists.filter(({ statuses }) => Object.keys(statuses).length > 0)).toEqual([])
  expect(lists.map(({ ms }) => ms.count)).toEqual(lists.map(() => REQUESTS))
  const names = (account: string) => lists.filter((list) => list.account === account).map(({ name }) => name)
  expect(names('small')).toEqual(names('large'))
  expect(names('large')).toEqual(expect.arrayContaining(['A/msg channel, rare', 'E/msg status=3', 'M/endpoint', 'app']))
})

test('a list is slow when more than one answer in twenty is, or one is refused', () => {
  const list = (name: string, p95: number, statuses = {}) => ({
    account: 'large' as const,
    name,
    ms: { count: 100, p50: 1, p95, p99: 500, max: 500 },
    found: 1,
    statuses,
  })
  const counts = [list('A/delivery/count', 300), list('A/delivery/count type', 300.01)]
  const lists = [list('fast', 100), list('slow', 100.01), list('refused', 1, { 503: 1 }), ...counts]
  expect(slowLists({ lists })).toEqual(['large: slow', 'large: refused', 'large: A/delivery/count type'])
})

test('a number of attempts is for the mode that stores them', () => {
  expect(parseOptions(['--mode', 'lists10m'])).toMatchObject({ mode: 'lists10m', attempts: 10_000_000 })
  expect(() => parseOptions(['--attempts', '2000'])).toThrow(UsageError)
  expect(() => parseOptions(['--mode', 'lists10m', '--attempts', '10'])).toThrow(UsageError)
})

async function ask<Row extends object>(text: string): Promise<Row[]> {
  return await asSuperuser(stage.dataDir, async (client) => (await client.query<Row>(text)).rows)
}
