import { addMs } from '#src/adapters/clock.ts'
import type { WindowPage } from '#src/adapters/http/pages.ts'
import { ksuidFloor } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import { ATTEMPT_ID_PREFIX } from '#src/delivery/delivery.ts'
import { passes } from '#src/events/event-store.ts'
import { MESSAGE_ID_PREFIX } from '#src/events/message.ts'
import { PROMPT_MS } from '#src/occurrences/make.ts'
import { boundsOf, fill, rangesWith, rowsIn } from '#src/occurrences/ranges.ts'
import { valuesOf } from '#src/occurrences/values.ts'
import { readCoverage } from '#src/tally/tally-store.ts'
import type { Standing } from './attempt.ts'
import { type PlannedAt, type PlannedBounds, plannedEvents, type Stop } from './planned-events.ts'
import { CLOCKS_APART_MS_MAX, type EventFilter, inOrder, isMarked, itsEvent, timeOf } from './store.ts'

/** Where events of an endpoint may be: these; or any of the account's from `from` on, before `until`. */
export type Candidates = { ids: readonly string[] } | { ids: null; from: string; until: string }

const ATTEMPTS_FIRST = 1_024
const FILTERED_FIRST = 64
const ATTEMPTS_MAX = 8_192
const NOTED_AT_ONCE = 1_024
/** So many events are looked at together: each takes all its attempts. */
const EVENTS_AT_ONCE = 64

/**
 * Events of a page's window that may stand with an endpoint as wanted, in the order in which the page reads, each once. Whoever has
 * filled the page asks for no more.
 * @param filter  its types no groups
 */
export async function* eventCandidates(
  tx: Queryable,
  endpoint: PlannedAt,
  page: WindowPage,
  wanted: Standing | null,
  filter: EventFilter,
  bounds?: PlannedBounds,
): AsyncGenerator<Candidates | Stop> {
  const [lower, last] = boundsOf(page)
  const window = { from: lower, until: `${last}0` } // `last` itself is left out by the page where it has to be
  if (wanted === 'waiting' || wanted === 'retrying') {
    yield* inBatches(plannedEvents(tx, endpoint, page, wanted, filter, window, bounds))
    return
  }
  // of what was stored before anything was noted nothing is known
  const coverage = await readCoverage(tx)
  const edge = coverage ? MESSAGE_ID_PREFIX + ksuidFloor(coverage.from) : window.until
  const unknown: Candidates = { ids: null, from: window.from, until: earlier(window.until, edge) }
  const known = { from: later(window.from, edge), until: window.until }
  if (page.read === 'ascending' && unknown.from < unknown.until) yield unknown
  if (coverage && known.from < known.until) {
    yield* inBatches(attemptedEvents(tx, endpoint, page, wanted, filter, known, coverage.until))
  }
  if (page.read === 'descending' && unknown.from < unknown.until) yield unknown
}

type Window = { from: string; until: string }

async function* inBatches(lists: AsyncIterable<readonly string[] | Stop>): AsyncGenerator<Candidates | Stop> {
  for await (const ids of lists) {
    if ('stoppedAt' in ids) yield ids
    else for (let at = 0; at < ids.length; at += EVENTS_AT_ONCE) yield { ids: ids.slice(at, at + EVENTS_AT_ONCE) }
  }
}

/** Each list is complete for its part of the window, and the parts follow each other. */
async function* attemptedEvents(
  tx: Queryable,
  endpoint: PlannedAt,
  page: WindowPage,
  wanted: Standing | null,
  filter: EventFilter,
  { from, until }: Window,
  notedUntil: Date,
): AsyncGenerator<readonly string[]> {
  const isDown = page.read === 'descending'
  const ending = wanted === 'failed' || wanted === 'canceled' ? wanted : null
  const found = new Set(await eventsSince(tx, endpoint, notedUntil, ending))
  const prompt = ending === null ? promptEvents(tx, endpoint, page, filter, { from, until }) : null
  let [rest, promptTo]: [Window, string] = [{ from, until }, isDown ? until : from]
  while (rest.from < rest.until) {
    let to = isDown ? rest.from : rest.until
    if (prompt && promptTo === (isDown ? rest.until : rest.from)) {
      const read = await prompt.next()
      if (!read.done) {
        for (const id of read.value.ids) found.add(id)
        promptTo = isDown ? earlier(read.value.to, rest.until) : later(read.value.to, rest.from)
      } else promptTo = to
      if (promptTo === (isDown ? rest.until : rest.from)) continue
    }
    if (prompt) to = isDown ? later(promptTo, rest.from) : earlier(promptTo, rest.until)
    const part = isDown ? { from: to, until: rest.until } : { from: rest.from, until: to }
    const noted = await notedEvents(tx, endpoint, page, `${ending ?? 'late'}:`, filter, part)
    const lastNoted = noted.at(-1)
    if (noted.length === NOTED_AT_ONCE && lastNoted) to = isDown ? lastNoted : `${lastNoted}0`
    const done = isDown ? { from: to, until: rest.until } : { from: rest.from, until: to }
    for (const id of noted) found.add(id)
    const ids = [...found].filter((id) => id >= done.from && id < done.until).sort()
    for (const id of ids) found.delete(id)
    yield isDown ? ids.reverse() : ids
    rest = isDown ? { from, until: to } : { from: to, until }
  }
}

/** Events attempted since a moment, in any order. @param ending  only those that ended so */
async function eventsSince(
  tx: Queryable,
  { accountId, id, shard }: PlannedAt,
  since: Date,
  ending: 'failed' | 'canceled' | null,
): Promise<string[]> {
  const rows = await tx.run<{ event_id: string }>(sql`
    select event_id from attempt
     where account_id = ${accountId} and endpoint_id = ${id} and id >= ${ATTEMPT_ID_PREFIX + ksuidFloor(since)}
       ${ending === null ? sql`` : sql`and failure_class is not null`}
    ${
      ending === 'canceled'
        ? sql`union
              select p.event_id from pending p join endpoint t on t.account_id = p.account_id and t.id = p.endpoint_id
               where p.shard = ${shard} and p.endpoint_id = ${id} and p.account_id = ${accountId} and is_canceled(p, t)
                 and exists (select from endpoint m where m.account_id = ${accountId} and m.id = ${id} and ${isMarked(sql`m`)})`
        : sql``
    }`)
  return rows.map((row) => row.event_id)
}

/**
 * The events of attempts in the order in which they were made, and how far the events are then complete but for those that were
 * attempted late.
 */
async function* promptEvents(
  tx: Queryable,
  { accountId, id: endpointId }: PlannedAt,
  { read, show }: WindowPage,
  filter: EventFilter,
  { from, until }: Window,
): AsyncGenerator<{ ids: string[]; to: string }> {
  const isDown = read === 'descending'
  const first = ATTEMPT_ID_PREFIX + ksuidFloor(addMs(timeOf(from), -CLOCKS_APART_MS_MAX))
  const end = ATTEMPT_ID_PREFIX + ksuidFloor(addMs(timeOf(until), PROMPT_MS))
  const isFiltered = filter.types !== null || filter.channel !== null || filter.tag !== null
  let [above, below]: [string | null, string | null] = [null, null]
  for (let limit = isFiltered ? FILTERED_FIRST : ATTEMPTS_FIRST; ; limit = Math.min(limit * 2, ATTEMPTS_MAX)) {
    const page: WindowPage = { from: first, until: end, above, below, read, show, limit }
    const window = sql`account_id = ${accountId} and endpoint_id = ${endpointId} and id >= ${above ?? first} and id < ${below ?? end}
                       ${above === null ? sql`` : sql`and id > ${above}`}`
    const batches = rangesWith(tx, { accountId, owner: endpointId }, page, valuesOf(filter))
    const rows: { id: string; event_id: string }[] = await fill(batches, limit, (ranges, rest) =>
      tx.run<{ id: string; event_id: string }>(sql`
        select a.id, a.event_id from ${rowsIn('attempt', window, ranges)} as a
               ${isFiltered ? sql`${itsEvent} where ${passes(filter)}` : sql``}
         order by a.id ${inOrder(page)} limit ${rest}`),
    )
    const ids = rows.map((row) => row.event_id)
    const last = rows.at(-1)
    if (rows.length < limit || !last) {
      yield { ids, to: isDown ? from : until }
      return
    }
    const at = timeOf(last.id)
    yield { ids, to: MESSAGE_ID_PREFIX + ksuidFloor(addMs(at, isDown ? CLOCKS_APART_MS_MAX : -PROMPT_MS)) }
    if (isDown) below = last.id
    else above = last.id
  }
}

/** Events that are noted for the endpoint one by one, up to a number, in the order of the page; with a filter, those that may pass. */
async function notedEvents(
  tx: Queryable,
  { accountId, id }: PlannedAt,
  page: WindowPage,
  value: 'failed:' | 'canceled:' | 'late:',
  filter: EventFilter,
  { from, until }: Window,
): Promise<string[]> {
  const batches = rangesWith(
    tx,
    { accountId, owner: '' },
    { ...page, from, until, above: null, below: null },
    valuesOf(filter),
  )
  const rows = await fill(batches, NOTED_AT_ONCE, (ranges, limit) =>
    tx.run<{ first_id: string }>(sql`
      select o.first_id
        from unnest(${ranges.map(({ first }) => first)}::text[], ${ranges.map(({ last }) => last)}::text[]) as r (first_id, last_id)
       cross join lateral (
         select first_id from occurrence
          where account_id = ${accountId} and owner = ${id} and value = ${value}
            and first_id >= greatest(r.first_id, ${from}) and first_id <= r.last_id and first_id < ${until}
          order by first_id ${inOrder(page)} limit ${limit}) as o
       order by o.first_id ${inOrder(page)} limit ${limit}`),
  )
  return rows.map((row) => row.first_id)
}

function earlier(one: string, other: string): string {
  return one < other ? one : other
}

function later(one: string, other: string): string {
  return one > other ? one : other
}
