import type { Page } from '#src/adapters/http/pages.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import type { Npn, Source } from '#src/population/npn.ts'
import type { DataStatus } from '#src/population/store.ts'
import { type MonitoredState, rangesOf, type Search } from './monitored.ts'
import type { Reader } from './store.ts'

/** An NPN that is in the population or was. Without data, and once removed, nothing is known of the producer. */
export type Monitored = {
  npn: Npn
  state: MonitoredState
  name: string | null
  kind: 'individual' | 'firm' | null
  asOf: string | null
  joinedAt: Date
  /** Of the last event about it. */
  changedAt: Date
  changedOn: string | null
  activeLicenses: number | null
  source: Source
  activations: number
  key: string
}

type MonitoredRow = {
  npn: Npn
  key: string
  active: boolean
  data_status: DataStatus
  activated_at: Date
  changed_at: Date
  source: Source
  activations: number
  type: 'INDIVIDUAL' | 'FIRM' | null
  names: string[] | null
  no_licenses: boolean | null
  changed_on: string | null
  as_of: string | null
  active_licenses: number
}

/** Which NPNs are listed, and by what: a search by name is in the order of the words that were found. */
export type Listed = { search: Search; state: MonitoredState | null; joined: Joined; by: 'npn' | 'joined' }

/** When an NPN has joined: from then (inclusive) to then (exclusive); null: any time. */
export type Joined = { from: Date | null; to: Date | null }

/** A population of no more NPNs is looked through for names; of a larger one, the names are looked through. */
const SMALL_POPULATION_MAX = 20_000
const WORDS_MAX = 8
const COUNTED_WORDS_MAX = 50_000
const LAST_CHARACTER = '\u{10ffff}'

/** NPNs of a page, and one more when there are more. `page` bounds and reads keys as `Monitored.key` has them. */
export async function listMonitored(db: Queryable, reader: Reader, listed: Listed, page: Page): Promise<Monitored[]> {
  const keys = await keysOf(db, reader, listed, page)
  if (!keys) return []
  const order = page.read === 'ascending' ? sql`asc` : sql`desc`
  const rows = await db.run<MonitoredRow>(sql`
    select ${columns(reader)}, k.key from (${keys}) as k (npn, sorted, key)
      join population p on p.account_id = ${reader.accountId} and p.npn = k.npn
      left join entity e on ${ofEntity(reader)}
     order by k.sorted ${order}, k.npn ${order}`)
  return rows.map(toMonitored)
}

export async function readMonitored(db: Queryable, reader: Reader, npn: Npn): Promise<Monitored | undefined> {
  const [row] = await db.run<MonitoredRow>(sql`
    select ${columns(reader)}, '' as key from population p left join entity e on ${ofEntity(reader)}
     where p.account_id = ${reader.accountId} and p.npn = ${npn}::bigint`)
  return row && toMonitored(row)
}

const ofEntity = ({ feedId }: Reader) =>
  sql`e.feed_id = ${feedId} and e.npn = p.npn and p.active and p.data_status = 'ready'`

const columns = ({ feedId }: Reader) => sql`
  p.npn::text, p.active, p.data_status, p.activated_at, p.changed_at, p.source, p.activations, e.type, e.no_licenses,
  case when e.type = 'FIRM' then array[e.company_name] else array[e.first_name, e.middle_name, e.last_name, e.suffix] end as names,
  greatest(p.fresh_on, e.changed_on) as changed_on,
  greatest(p.fresh_on, (select max(run_date) from nipr_run where feed_id = ${feedId} and state = 'published')) as as_of,
  (select count(*) from license l
    where l.feed_id = e.feed_id and l.npn = e.npn and l.active and not l.nipr_deleted) as active_licenses`

function toMonitored(row: MonitoredRow): Monitored {
  const hasData = row.type !== null
  const names = (row.names ?? []).filter((name) => name !== null)
  return {
    npn: row.npn,
    state: stateOf(row),
    name: names.length > 0 ? names.join(' ') : null,
    kind: row.type && (row.type === 'FIRM' ? 'firm' : 'individual'),
    asOf: hasData ? row.as_of : null,
    joinedAt: row.activated_at,
    changedAt: row.changed_at,
    changedOn: hasData ? row.changed_on : null,
    activeLicenses: hasData ? row.active_licenses : null,
    source: row.source,
    activations: row.activations,
    key: row.key,
  }
}

function stateOf({ active, data_status, no_licenses }: MonitoredRow): MonitoredState {
  if (!active) return 'removed'
  return data_status === 'ready' && no_licenses ? 'no_licenses' : data_status
}

/** Selects npn, what is sorted by, and the key by which the list goes on; undefined when there can be none. */
async function keysOf(db: Queryable, reader: Reader, listed: Listed, page: Page): Promise<Sql | undefined> {
  const { search } = listed
  if (search.by === 'name') return await byName(db, reader, search.text, listed, page)
  const limit = sql`limit ${page.limit + 1}`
  if (search.by === 'npn') return byPrefix(reader, search.digits, listed, page, limit)
  return listed.by === 'npn' ? byNpn(reader, listed, page, limit) : byJoining(reader, listed, page, limit)
}

/** A condition on the row of the population. */
function ofRow(reader: Reader, { state, joined }: Rows): Sql {
  return sql`${ofState(reader, state)} ${joinedWithin(joined)}`
}

type Rows = Pick<Listed, 'state' | 'joined'>

function joinedWithin({ from, to }: Joined): Sql {
  const since = from === null ? sql`` : sql`and activated_at >= ${from}`
  return to === null ? since : sql`${since} and activated_at < ${to}`
}

function ofState({ feedId }: Reader, state: MonitoredState | null): Sql {
  const lacksLicenses = sql`exists (select from entity n where n.feed_id = ${feedId} and n.npn = p.npn and n.no_licenses)`
  switch (state) {
    case null:
      return sql`p.active`
    case 'removed':
      return sql`not p.active`
    case 'ready':
      return sql`p.active and p.data_status = 'ready' and not ${lacksLicenses}`
    case 'no_licenses':
      return sql`p.active and p.data_status = 'ready' and ${lacksLicenses}`
    default:
      return sql`p.active and p.data_status = ${state}`
  }
}

function byNpn(reader: Reader, rows: Rows, page: Page, limit: Sql): Sql {
  const bounds = sql`> ${page.above ?? '0'}::bigint and npn < ${page.below ?? '10000000000'}::bigint`
  const order = orderOf(page)
  if (rows.state === 'no_licenses') {
    return sql`
      select e.npn, 0, e.npn::text
        from (select npn from entity where feed_id = ${reader.feedId} and no_licenses and npn ${bounds}
               order by npn ${order} offset 0) as e
       cross join lateral (${readyRow(reader, sql`e.npn`)}) as p
       where true ${joinedWithin(rows.joined)}
       order by e.npn ${order} ${limit}`
  }
  return sql`
    select p.npn, 0, p.npn::text from population p
     where p.account_id = ${reader.accountId} and ${ofRow(reader, rows)} and p.npn ${bounds}
     order by p.npn ${order} ${limit}`
}

function byPrefix(reader: Reader, digits: string, rows: Rows, page: Page, limit: Sql): Sql {
  const { from, until } = rangesOf(digits)
  const order = orderOf(page)
  return sql`
    select found.npn, 0, found.npn::text
      from unnest(${from}::bigint[], ${until}::bigint[]) as range (low, high)
     cross join lateral (
       select p.npn from population p
        where p.account_id = ${reader.accountId} and ${ofRow(reader, rows)}
          and p.npn >= greatest(range.low, ${page.above ?? '0'}::bigint + 1)
          and p.npn < least(range.high, ${page.below ?? '10000000000'}::bigint)
        order by p.npn ${order} ${limit}) as found
     order by found.npn ${order} ${limit}`
}

const JOINED_KEY = sql`(extract(epoch from activated_at) * 1000)::bigint || '.' || npn`

function byJoining(reader: Reader, { state, joined }: Rows, page: Page, limit: Sql): Sql {
  const order = orderOf(page)
  const within = sql`${joinedWithin(joined)} ${joinedBeyond('>', page.above)} ${joinedBeyond('<', page.below)}`
  if (state === 'no_licenses') {
    return sql`
      select npn, activated_at, ${JOINED_KEY}
        from (select p.npn, p.activated_at from entity e
               cross join lateral (${readyRow(reader, sql`e.npn`)}) as p
               where e.feed_id = ${reader.feedId} and e.no_licenses) as p
       where true ${within} order by activated_at ${order}, npn ${order} ${limit}`
  }
  if (state === 'removed') {
    return sql`
      select npn, activated_at, ${JOINED_KEY} from population p
       where p.account_id = ${reader.accountId} and not p.active ${within}
       order by activated_at ${order}, npn ${order} ${limit}`
  }
  const statuses = state === null ? ['loading', 'ready', 'not_found'] : [state]
  return sql`
    select npn, activated_at, ${JOINED_KEY}
      from unnest(${statuses}::text[]) as status (name)
     cross join lateral (
       select p.npn, p.activated_at from population p
        where p.account_id = ${reader.accountId} and p.active and p.data_status = status.name
          and ${ofState(reader, state)} ${within}
        order by p.activated_at ${order}, p.npn ${order} ${limit}) as found
     order by activated_at ${order}, npn ${order} ${limit}`
}

function joinedBeyond(side: '>' | '<', key: string | null): Sql {
  if (key === null) return sql``
  const [joinedMs = '', npn = ''] = key.split('.')
  const bound = sql`(${new Date(Number(joinedMs))}::timestamptz, ${npn}::bigint)`
  return side === '>' ? sql`and (activated_at, npn) > ${bound}` : sql`and (activated_at, npn) < ${bound}`
}

/** The population's row of an NPN whose data is there; `offset 0`: one at a time, by its key. */
function readyRow({ accountId }: Reader, npn: Sql): Sql {
  return sql`
    select npn, activated_at from population
     where account_id = ${accountId} and npn = ${npn} and active and data_status = 'ready' offset 0`
}

/**
 * Producers with a word in their names that begins as each word of the text does, in the order of the words that begin as the
 * rarest one, each producer once. Names are known of those alone whose data is there.
 */
async function byName(db: Queryable, reader: Reader, text: string, rows: Rows, page: Page): Promise<Sql | undefined> {
  const { state } = rows
  if (state !== null && state !== 'ready' && state !== 'no_licenses') return undefined
  const { feedId, accountId } = reader
  const words = await wordsOf(db, feedId, text)
  // a list goes on by the word that it began with
  const key = page.above ?? page.below
  const first = key === null ? words[0] : words.find(({ word }) => key.startsWith(word))
  if (!first || words.some(({ found }) => found === 0)) return undefined
  const order = orderOf(page)
  const begins = (word: string) => sql`word >= ${word} and word < ${word + LAST_CHARACTER}`
  const hasOthers = words
    .filter((each) => each !== first)
    .reduce(
      (all, { word }) =>
        sql`${all} and exists (select from producer_word o where o.feed_id = ${feedId} and o.npn = w.npn and o.${begins(word)})`,
      sql`true`,
    )
  const ofAccount = sql`p.account_id = ${accountId} and ${ofRow(reader, rows)} and p.data_status = 'ready'`
  const within = sql`${wordBeyond('>', page.above)} ${wordBeyond('<', page.below)}`
  const firstWord = (npn: Sql) => sql`
    select word from producer_word where feed_id = ${feedId} and npn = ${npn} and ${begins(first.word)} order by word limit 1`
  const few = await fewAmong(db, reader, rows)
  if (few) {
    return sql`
      select w.npn, w.word, w.word || '.' || w.npn
        from (select p.npn, f.word from (${few}) as p cross join lateral (${firstWord(sql`p.npn`)}) as f) as w
       where ${hasOthers} ${within}
       order by w.word ${order}, w.npn ${order} limit ${page.limit + 1}`
  }
  return sql`
    select w.npn, w.word, w.word || '.' || w.npn
      from (select npn, word from producer_word as w where feed_id = ${feedId} and ${begins(first.word)} ${within}
             order by word ${order}, npn ${order} offset 0) as w
     cross join lateral (select from population p where p.npn = w.npn and ${ofAccount} offset 0) as p
     cross join lateral (${firstWord(sql`w.npn`)} offset 0) as f
     where f.word = w.word and ${hasOthers}
     order by w.word ${order}, w.npn ${order} limit ${page.limit + 1}`
}

/** Words of a text with how many words of the feed's producers begin so, counted up to a bound: the rarest first. */
async function wordsOf(db: Queryable, feedId: string, text: string): Promise<{ word: string; found: number }[]> {
  return await db.query<{ word: string; found: number }>`
    select word, (select count(*) from (select from producer_word p
                                         where p.feed_id = ${feedId} and p.word >= w.word and p.word < w.word || ${LAST_CHARACTER}
                                         limit ${COUNTED_WORDS_MAX}) as some_words) as found
      from unnest(name_words(${text})) as w (word)
     order by found, length(word) desc, word limit ${WORDS_MAX}`
}

/** Where so few producers are asked for that looking through all of them is quicker than through names: these. */
async function fewAmong(db: Queryable, reader: Reader, rows: Rows): Promise<Sql | undefined> {
  if (rows.state === 'no_licenses') {
    return sql`
      select e.npn from entity e cross join lateral (${readyRow(reader, sql`e.npn`)}) as r
       where e.feed_id = ${reader.feedId} and e.no_licenses ${joinedWithin(rows.joined)}`
  }
  const [row] = await db.query<{ size: number }>`
    select loading + ready + not_found as size from population_count where account_id = ${reader.accountId}`
  if ((row?.size ?? 0) > SMALL_POPULATION_MAX) return undefined
  return sql`
    select npn from population p
     where p.account_id = ${reader.accountId} and ${ofRow(reader, rows)} and p.data_status = 'ready'`
}

function wordBeyond(side: '>' | '<', key: string | null): Sql {
  if (key === null) return sql``
  const at = key.lastIndexOf('.')
  const bound = sql`(${key.slice(0, at)}, ${key.slice(at + 1)}::bigint)`
  return side === '>' ? sql`and (w.word, w.npn) > ${bound}` : sql`and (w.word, w.npn) < ${bound}`
}

function orderOf(page: Page): Sql {
  return page.read === 'ascending' ? sql`asc` : sql`desc`
}

export type StateLicenses = { state: string | null; active: number; inactive: number; nextExpiration: string | null }
export type LicenseSummary = { residentState: string | null; states: StateLicenses[] }

/** Licenses of a producer by state; those that have vanished from NIPR's report are left out. */
export async function readLicenses(db: Queryable, { feedId }: Reader, npn: Npn): Promise<LicenseSummary> {
  const states = await db.query<StateLicenses & { isResident: boolean }>`
    select for_state as state, count(*) filter (where active) as active, count(*) filter (where not active) as inactive,
           min(expiration_date) filter (where active) as "nextExpiration",
           coalesce(bool_or(active and residency_status = 'R'), false) as "isResident"
      from license
     where feed_id = ${feedId} and npn = ${npn}::bigint and not nipr_deleted
     group by for_state order by for_state`
  return {
    residentState: states.find(({ isResident }) => isResident)?.state ?? null,
    states: states.map(({ state, active, inactive, nextExpiration }) => ({ state, active, inactive, nextExpiration })),
  }
}
