import { pino } from 'pino'
import { DatabaseClock } from '#src/adapters/clock.ts'
import { Database } from '#src/adapters/postgres/database.ts'
import { connectionToRunning } from '#src/adapters/postgres/embedded.ts'
import { sql, sqlText } from '#src/adapters/postgres/sql.ts'
import { TallyRunner } from '#src/tally/tally-runner.ts'
import { storeBacklog } from './backlog.ts'
import type { Stored } from './kept-history.ts'
import type { Receivers } from './receivers.ts'
import { asSuperuser } from './service.ts'
import { pause } from './stage.ts'

/** Days of 30 partitions; yesterday is the last of them. */
export const HISTORY_DAYS = 30
/** What few events have, and what none has. */
export const RARE = { type: 'appointment.terminated', channel: 'rare', tag: 'rare' } as const
export const NEVER = { type: 'license.never', channel: 'never', tag: 'never' } as const
/** Of the types; the first is that of every second event. */
export const USUAL = { type: 'license.updated', channel: 'region-1', tag: 'source-1' } as const

/** Endpoint of every account: no attempt at it has ever failed. */
export const NEVER_FAILED = 1

/** Deliveries of a day come in a pattern of so many; each has an attempt at least, save some of the last day. */
const PATTERN = 100
/** Events of a day begin in these minutes of it, so that their last attempts belong to the same day. */
const MINUTES = 1_320
const SETUP_MS_MAX = 1_800_000
const LOOK_MS = 500
/** A smaller history is quickly looked through, and its 720 hours cost as much to count as those of a large one. */
const COUNTED_MIN = 100_000
const COUNTING = { connectionsMax: 2, statementTimeoutMs: 120_000, queryTimeoutMs: 120_000 }

type Client = Parameters<Parameters<typeof asSuperuser>[1]>[0]

/** Accounts of one kind, which share this part of all deliveries evenly. */
export type Share = { receivers: Receivers; share: number }

/**
 * Stores days of events, their attempts and what is still planned, as the service would have: a day is a table that is filled by
 * one statement, then indexed, then made a partition. Nothing of it is due.
 * @param waiting     the account whose one endpoint a tenth as many deliveries wait for
 * @param deliveries  at least; they have 6 % more attempts, as some need several
 */
export async function storeHistory(
  dataDir: string,
  { shares, waiting }: { shares: readonly Share[]; waiting: string },
  deliveries: number,
  say: (words: string) => void,
): Promise<Stored> {
  const perDay = Math.ceil(deliveries / HISTORY_DAYS / PATTERN) * PATTERN
  return await asSuperuser(dataDir, async (client) => {
    await client.query(`set statement_timeout = ${SETUP_MS_MAX}`)
    await client.query(`set lock_timeout = ${SETUP_MS_MAX}`) // whatever is filled is vacuumed by the database itself too
    await client.query("set maintenance_work_mem = '512MB'")
    await client.query('set role psapi_migrate') // the tables' owner
    await nameEndpoints(client, shares)
    await client.query(COURSES)
    for (let ago = HISTORY_DAYS; ago > 0; ago -= 1) {
      await storeDay(client, { ago, perDay })
      if (ago % 5 === 1) say(`${HISTORY_DAYS + 1 - ago} days stored`)
    }
    say('a tenth as many wait')
    await storeBacklog(client, waiting, Math.ceil(deliveries / 10))
    await client.query('reset role')
    await client.query('vacuum (analyze) event, attempt, pending')
    if (deliveries >= COUNTED_MIN) {
      say('counting what is stored')
      await countHistory(dataDir)
    }
    await client.query('vacuum (analyze) type_tally, endpoint_tally, occurrence, occurrence_owner')
    await client.query('checkpoint')
    return await countStored(client)
  })
}

/** Has it all counted as the service counts, which for itself began when it was started: what it has counted since goes. */
async function countHistory(dataDir: string): Promise<void> {
  const connection = connectionToRunning(dataDir)
  const database = new Database(connection, { role: 'worker', applicationName: 'bench', ...COUNTING })
  const runner = new TallyRunner({ database, clock: new DatabaseClock(), log: pino() })
  try {
    await database.transaction({}, async (tx) => {
      await tx.query`
        update tally_progress
           set covers_from = day, covers_until = day, next_until = date_trunc('day', now(), 'UTC'), next_after = pg_current_xact_id()
          from (select date_trunc('day', now(), 'UTC') - ${HISTORY_DAYS} * interval '1 day' as day) as first`
      for (const table of ['type_tally', 'endpoint_tally', 'occurrence', 'occurrence_owner']) {
        await tx.run(sql`delete from ${sqlText(table)}`)
      }
    })
    // the service counts too: whoever comes first
    for (let isMore = true; isMore; await pause(LOOK_MS)) {
      runner.look()
      await runner.settled()
      const rows =
        await database.query`select 1 from tally_progress where covers_until < date_trunc('day', now(), 'UTC')`
      isMore = rows.length > 0
    }
  } finally {
    await runner.close()
    await database.close()
  }
}

/** Numbers the endpoints: who gets a delivery is then arithmetic. */
async function nameEndpoints(client: Client, shares: readonly Share[]): Promise<void> {
  await client.query(`
    create temp table owner (account_id text, first float8, place int, endpoints int);
    create temp table target (account_id text, number int, id text, url text, shard smallint)`)
  let first = 0
  for (const { receivers, share } of shares) {
    const each = share / receivers.accountIds.length
    await client.query(
      `insert into owner
       select id, $2::float8 + (n - 1) * $3::float8, null, (select count(*) from endpoint where account_id = a.id)
         from unnest($1::text[]) with ordinality as a (id, n)`,
      [receivers.accountIds, first, each],
    )
    first += share
  }
  await client.query(`
    update owner set place = (select count(*) from owner o where o.first <= owner.first);
    insert into target
    select account_id, row_number() over (partition by account_id order by id) - 1, id, url, shard
      from endpoint where account_id in (select account_id from owner);
    analyze owner, target`)
}

/** How deliveries go: an attempt a row. `wait`: minutes after the event. */
const COURSES = `
  create temp table course as
  select *, case state when 'dead_letter' then 'schedule_exhausted' end as dead_reason
    from (values ('delivered', 1, 0, 'responded', 200, null, 'delivered'),
                 ('late', 1, 0, 'responded', 503, 'http_server_error', 'pending'),
                 ('late', 2, 5, 'responded', 200, null, 'delivered'),
                 ('dead', 1, 0, 'responded', 500, 'http_server_error', 'pending'),
                 ('dead', 2, 5, 'responded', 500, 'http_server_error', 'pending'),
                 ('dead', 3, 35, 'responded', 500, 'http_server_error', 'dead_letter'),
                 ('timed_out', 1, 0, 'timed_out', 0, 'timeout', 'pending'),
                 ('timed_out', 2, 5, 'responded', 404, 'http_not_found', 'dead_letter'),
                 ('canceled', 1, 0, 'canceled', 0, 'canceled', 'canceled'),
                 ('retrying', 1, 0, 'responded', 429, 'http_busy', 'pending'))
      as c (course, number, wait, outcome, status_code, failure_class, state);
  analyze course`

async function storeDay(client: Client, day: { ago: number; perDay: number }): Promise<void> {
  await client.query('begin')
  const { rows } = await client.query<{ day: string; name: string }>(
    `select to_char(d, 'YYYY-MM-DD') as day, to_char(d, '_YYYYMMDD') as name
       from (select (now() at time zone 'utc')::date - $1::int as d) as days`,
    [day.ago],
  )
  const [{ day: date, name } = { day: '', name: '' }] = rows
  await client.query(deliveriesOf(date, day))
  await client.query('analyze delivery')
  await fillPartition(client, 'event', 'msg_', { date, name }, INSERT_EVENTS)
  await fillPartition(client, 'attempt', 'atmpt_', { date, name }, INSERT_ATTEMPTS)
  await client.query(INSERT_PENDING)
  await client.query('commit')
}

/** Fills a day's table before it is a partition, where there is none yet: indexes are then built at once. */
async function fillPartition(
  client: Client,
  table: 'event' | 'attempt',
  prefix: string,
  { date, name }: { date: string; name: string },
  insertInto: (table: string) => string,
): Promise<void> {
  const part = table + name
  const { rows } = await client.query<{ is_there: boolean }>('select to_regclass($1) is not null as is_there', [part])
  if (rows[0]?.is_there) {
    await client.query(insertInto(part))
    return
  }
  await client.query(`create table ${part} (like ${table} including defaults including constraints including storage)`)
  await client.query(insertInto(part))
  const bound = (days: number) => `${prefix}' || ksuid_floor(('${date}'::date + ${days})::timestamp at time zone 'utc')`
  await client.query(`
    do $$ begin
      execute format('alter table ${table} attach partition ${part} for values from (%L) to (%L)', '${bound(0)}, '${bound(1)});
    end $$`)
}

/**
 * The deliveries of a day: whose they are, how they go, and by what minute. `seed` is the event's: every fourth goes to two
 * endpoints. Endpoints with a low number get more.
 */
function deliveriesOf(date: string, { ago, perDay }: { ago: number; perDay: number }): string {
  const isLast = ago === 1
  return `
    create temp table stem on commit drop as
    select n as minute, moment, left(ksuid_floor(moment), 15) as stem
      from (select n, ('${date}'::timestamp + n * interval '1 min' + interval '1 s') at time zone 'utc' as moment
              from generate_series(0, 1439) as n) as minutes;
    create temp table delivery on commit drop as
    select k.key, k.seed, k.minute, t.account_id, t.id as endpoint_id, t.url, t.shard,
           case when t.number = ${NEVER_FAILED} or k.kind < 94 then 'delivered'
                when k.kind < 97 then 'late'
                when k.kind = 97 then 'dead'
                when k.kind = 98 then '${isLast ? 'retrying' : 'timed_out'}'
                else '${isLast ? 'waiting' : 'canceled'}' end as course
      from (select key, seed, key - seed as place, key % ${PATTERN} as kind,
                   ((seed - ${ago * perDay}) * ${MINUTES} / ${perDay})::int as minute,
                   (hashint8extended(seed, 1) & 1048575) / 1048576.0::float8 as whose,
                   (hashint8extended(seed, 2) & 1048575) / 1048576.0::float8 as which
              from (select key, case key % 5 when 4 then key - 1 else key end as seed
                      from generate_series(${ago * perDay}::bigint, ${(ago + 1) * perDay - 1}) as key) as keys) as k
      join owner o on o.place = width_bucket(k.whose, (select array_agg(first order by first) from owner))
      join target t on t.account_id = o.account_id
                   and t.number = ((o.endpoints * k.which * k.which)::int % o.endpoints + k.place) % o.endpoints`
}

const INSERT_EVENTS = (table: string) => `
  insert into ${table} (account_id, id, type, payload, channels, tags, created_at, payload_expires_at)
  select d.account_id, 'msg_' || s.stem || lpad(d.seed::text, 12, '0'), y.type,
         convert_to(format('{"id":"evt_%s%s","type":"%s","timestamp":"2026-01-05T09:00:00.000Z","data":{"npn":"%s","state":"TX",'
           '"licenseNumber":"%s","status":"ACTIVE"}}', s.stem, lpad(d.seed::text, 12, '0'), y.type, d.seed, d.seed * 7), 'utf8'),
         case when d.seed % 20000 < 5 then array['${RARE.channel}'] when d.seed % 3 = 0 then array['region-' || d.seed % 10] end,
         case when d.seed % 20000 < 5 then array['${RARE.tag}'] when d.seed % 2 = 0 then array['source-' || d.seed % 7, 'daily'] end,
         s.moment, s.moment + interval '90 days'
    from delivery d
    join stem s using (minute)
   cross join lateral (select case when d.seed % 20000 < 5 then '${RARE.type}'
                                   when d.seed % 2 = 0 then '${USUAL.type}'
                                   else (array['license.issued', 'license.expired', 'appointment.added', 'address.changed',
                                               'producersync.npn.activated'])[1 + d.seed % 5] end as type) as y
   where d.key = d.seed`

const INSERT_ATTEMPTS = (table: string) => `
  insert into ${table} (account_id, event_id, id, endpoint_id, delivery_id, cause, number, url, outcome, failure_class,
                        status_code, duration_ms, timings_ms, response, response_headers, started_at, state, dead_reason,
                        next_attempt_at)
  select d.account_id, 'msg_' || s.stem || lpad(d.seed::text, 12, '0'),
         'atmpt_' || at.stem || lpad((d.key * 4 + c.number)::text, 12, '0'), d.endpoint_id, md5(d.key::text)::uuid, 'event',
         c.number, d.url, c.outcome, c.failure_class, c.status_code, 20 + d.key % 180, array[1, 2, 3, 20],
         case when c.status_code > 0 then '{"received":true}'::bytea end,
         case when c.status_code > 0 then '[["content-type","application/json"]]'::jsonb end, at.moment, c.state, c.dead_reason,
         case when c.course = 'retrying' then now() + interval '1 day'
              when c.state = 'pending' then at.moment + interval '5 minutes' end
    from delivery d
    join stem s using (minute)
    join course c using (course)
    join stem at on at.minute = d.minute + c.wait`

const INSERT_PENDING = `
  insert into pending (account_id, event_id, delivery_id, endpoint_id, shard, queue, cause, attempts_made, created_at, due_at)
  select d.account_id, 'msg_' || s.stem || lpad(d.seed::text, 12, '0'), md5(d.key::text)::uuid, d.endpoint_id, d.shard,
         case d.course when 'waiting' then 0 else 1 end, 'event', case d.course when 'waiting' then 0 else 1 end, s.moment,
         now() + interval '1 day'
    from delivery d join stem s using (minute)
   where d.course in ('waiting', 'retrying')`

async function countStored(client: Client): Promise<Stored> {
  const { rows } = await client.query<Record<keyof Stored, string>>(`
    select (select count(*) from attempt) as attempts, (select count(*) from event) as events,
           (select count(*) from pending) as planned, pg_database_size(current_database()) as bytes`)
  const [row] = rows
  if (!row) throw new Error('the database says nothing of itself')
  return {
    attempts: Number(row.attempts),
    events: Number(row.events),
    planned: Number(row.planned),
    bytes: Number(row.bytes),
  }
}
