import { type Sql, sql, sqlText } from '#src/adapters/postgres/sql.ts'
import { attemptsFrom, isMarked, timeOf } from '#src/attempts/store.ts'
import { type IdRange, rowsIn } from '#src/occurrences/ranges.ts'
import { AFTER_ALL, type FoundFilter, type Pair } from './found-filter.ts'
import { ALL, causeOf, IS_RETRYING, NEVER_ATTEMPTED, NOTHING_PLANNED, PLANNED, type Place, placesOf } from './places.ts'
import { type CodeRange, type DeliveryStateWord, SLOW_MS } from './query.ts'

/** Whose deliveries, as seen when. `timeoutMs`: the environment's, for endpoints without their own. */
export type Scope = {
  accountId: string
  now: Date
  timeoutMs: number
  /** So many deliveries on request are kept in mind at once, 50,000 by default: with more, each attempt is asked. */
  againMax?: number
}

/** How many, in which order of their events, and from where: pairs after one and before another. */
export type Wanted = {
  rows: number
  /** `any`: whoever counts sorts nothing. */
  order: 'ascending' | 'descending' | 'any'
  above: Pair | null
  below: Pair | null
  /** False: `event_id` and `endpoint_id` alone. */
  withStanding: boolean
  /** Where events are that may match, as far as that is known; not given: anywhere. */
  among?: readonly IdRange[]
}

/**
 * The deliveries that match, as a statement. Of each: `event_id`, `endpoint_id`, `state`; of what is planned `due_at`,
 * `planned_made`, `planned_cause`; of its last attempt `attempt_id`, `number`, `cause`, `url`, `outcome`, `failure_class`,
 * `status_code`, `duration_ms`, `limit_ms`, `started_at`, all null when there is none.
 *
 * What is asked for decides where to look, so that what is rare is looked up and not waded for: docs/decisions/0030.
 */
export function matchingDeliveries(scope: Scope, filter: FoundFilter, wanted: Wanted): Sql {
  const places = placesOf(filter, wanted)
  const [first, second] = places.map((place) => statementOf(place, scope, filter, wanted))
  if (!first) throw new Error('every filter is looked for somewhere')
  const found = second ? sql`(${first}) union all (${second})` : first
  return sql`
    ${places.some((place) => place.in === 'attempts') ? pairsAgain(scope, filter) : sql``}
    select * from (${found}) as found ${ordered(wanted)} limit ${wanted.rows}`
}

function statementOf({ each, ...place }: Place, scope: Scope, filter: FoundFilter, wanted: Wanted): Sql {
  const [value, ...others] = each?.values ?? []
  if (!each || value === undefined || wanted.among) return searched(place, ALL, scope, filter, wanted)
  if (others.length === 0) return searched(place, sql`${each.column} = ${value}::${each.type}`, scope, filter, wanted)
  return sql`
    select one.*
      from unnest(${each.values}::${each.type}[]) as v (value)
     cross join lateral (${searched(place, sql`${each.column} = v.value`, scope, filter, wanted)}) as one
     ${ordered(wanted, sql`one.`)} limit ${wanted.rows}`
}

function searched(place: Omit<Place, 'each'>, isOne: Sql, scope: Scope, filter: FoundFilter, asked: Wanted): Sql {
  const { states, types, npn, isTest } = filter
  // what looks up attempts of each event goes from the newest on, after which there are the fewest days to look at
  const isFree = asked.order !== 'any' || place.in === 'attempts'
  const wanted: Wanted = isFree ? asked : { ...asked, order: 'descending' }
  // what nobody asks for is not looked up: a count goes over many
  const looksAtEvent = place.in !== 'events' && (types !== null || npn !== null || isTest !== null)
  const looksAtPlan = wanted.withStanding || states !== null || place.only === NOTHING_PLANNED
  const eventId = EVENT_ID_IN[place.in]
  return sql`
    select ${eventId} as event_id, d.endpoint_id
           ${wanted.withStanding ? sql`, ${stateAt(scope)} as state, ${STANDING}` : sql``}
      from ${foundIn(place, isOne, scope, filter, wanted)}
      ${looksAtEvent ? sql`join event e on e.account_id = ${scope.accountId} and e.id = ${eventId}` : sql``}
      ${looksAtPlan ? planOf(scope, eventId) : sql``}
     where ${isBetween(sql`(${eventId}, d.endpoint_id)`, wanted)}
       and ${eventPasses(filter)} and ${attemptPasses(filter)}
       and ${states === null ? ALL : sql`${stateAt(scope)} = any (${states}::text[])`}
       and ${place.only}
     ${ordered(wanted)} limit ${wanted.rows}`
}

/** Which column leads through a place in the order of its events: the planner does not see that another one is equal to it. */
const EVENT_ID_IN: Readonly<Record<Place['in'], Sql>> = {
  events: sql`e.id`,
  attempts: sql`d.event_id`,
  pending: sql`k.event_id`,
  pairs: sql`k.event_id`,
}

/** Of an attempt `d`, what a line shows. */
export const ATTEMPT_LINE = sql`d.number, d.cause, d.url, d.outcome, d.failure_class, d.status_code, d.duration_ms,
           d.timings_ms[6] as limit_ms, d.started_at`

const STANDING = sql`plan.due_at, plan.attempts_made as planned_made, plan.cause as planned_cause, d.attempt_id,
           ${ATTEMPT_LINE}`

/** The endpoint as `t.target`, and as `plan` what of the delivery is due first and not canceled. */
function planOf({ accountId }: Scope, eventId: Sql): Sql {
  return sql`
     cross join lateral (
       select target from endpoint target where target.account_id = ${accountId} and target.id = d.endpoint_id
       offset 0) as t -- one look-up a row: never the other way round
      left join lateral (
       select p.due_at, p.attempts_made, p.cause, is_canceled(p, t.target) as is_canceled
         from pending p
        where p.account_id = ${accountId} and p.event_id = ${eventId} and p.endpoint_id = d.endpoint_id
        order by is_canceled(p, t.target), p.due_at limit 1) as plan on true`
}

/** What an attempt is shown by; a place where there is none has as many nulls. */
const ATTEMPT = sql`a.id as attempt_id, a.number, a.cause, a.url, a.outcome, a.failure_class, a.status_code, a.duration_ms, a.timings_ms, a.started_at`
const NO_ATTEMPT = sql`null::text, null::smallint, null::text, null::text, null::text, null::text, null::smallint, null::int, null::int[],
                       null::timestamptz`

/** Pairs of an event and an endpoint, each with its last attempt, as `d`. */
function foundIn(place: Omit<Place, 'each'>, isOne: Sql, scope: Scope, filter: FoundFilter, wanted: Wanted): Sql {
  const { accountId } = scope
  switch (place.in) {
    case 'events':
      return sql`
           ${
             wanted.among
               ? eventsAmong(wanted.among, accountId, filter, wanted)
               : sql`
           (select e.id, e.type, e.npn, e.only_endpoint_id
              from event e
             where e.account_id = ${accountId} and ${isWithin(sql`e.id`, filter, wanted)} and ${isOne}) as e`
           }
     cross join lateral (
       select distinct on (x.endpoint_id) x.*
         from (select a.endpoint_id, ${ATTEMPT}
                 from attempt a
                where a.account_id = ${accountId} and a.event_id = e.id and ${isAfterItsEvent(sql`e.id`, filter)}
               union all
               select p.endpoint_id, ${NO_ATTEMPT}
                 from pending p
                where p.account_id = ${accountId} and p.event_id = e.id) as x
        order by x.endpoint_id, x.attempt_id desc nulls last) as d`
    case 'attempts':
      return sql`
           (select a.event_id, a.endpoint_id, a.state, ${ATTEMPT}
              from attempt a
             where a.account_id = ${accountId} and a.id >= ${attemptsFrom(timeOf(filter.from))}
               and ${isWithin(sql`a.event_id`, filter, wanted)} and ${isLast(scope)}) as d
      join (select) as one on ${isOne}`
    case 'pending':
      return sql`
           (select distinct p.event_id, p.endpoint_id
              from pending p
             where p.account_id = ${accountId} and ${isWithin(sql`p.event_id`, filter, wanted)} and ${isOne}
               and ${place.only === NEVER_ATTEMPTED ? sql`p.attempts_made = 0` : mayBe(filter.states, accountId)}
             ${ordered(wanted, sql`p.`)}) as k -- so no more is looked up than fills the page
     cross join ${lastOfKnown(accountId, filter, looksAtAttempt(place, filter, wanted))}`
    case 'pairs':
      return sql`
           (select n.event_id, n.endpoint_id
              from unnest(${filter.pairs?.map(({ eventId }) => eventId)}::text[],
                          ${filter.pairs?.map(({ endpointId }) => endpointId)}::text[]) as n (event_id, endpoint_id)
             where ${isWithin(sql`n.event_id`, filter, wanted)}) as k
     cross join ${lastOfKnown(accountId, filter, true)}`
  }
}

/** In order, so that no more of them is looked up than fills the page. */
function eventsAmong(ranges: readonly IdRange[], accountId: string, filter: FoundFilter, wanted: Wanted): Sql {
  const where = sql`account_id = ${accountId} and ${isWithin(sql`id`, filter, wanted)}`
  return sql`
           (select e.id, e.type, e.npn, e.only_endpoint_id from ${rowsIn('event', where, ranges)} as e
             where ${eventPasses(filter)} order by e.id ${sqlText(wanted.order === 'ascending' ? 'asc' : 'desc')}) as e`
}

/**
 * Which of what is planned may be in one of the states: what is waiting has a delivery that was never attempted, what is retrying
 * one that was, and what is canceled a marked endpoint.
 */
export function mayBe(states: readonly DeliveryStateWord[] | null, accountId: string): Sql {
  const possible = states?.filter((state) => state !== 'delivered' && state !== 'exhausted')
  if (possible?.every((state) => state === 'waiting')) return sql`p.attempts_made = 0`
  if (possible?.every((state) => state === 'retrying')) return IS_RETRYING
  if (possible === undefined || possible.some((state) => PLANNED.has(state))) return ALL
  const marked = sql`select m.id from endpoint m where m.account_id = ${accountId} and ${isMarked(sql`m`)}`
  return sql`exists (${marked}) and p.endpoint_id = any (array(${marked}))`
}

/** Of what is planned a count need not know the last attempt. */
function looksAtAttempt(
  { only }: Pick<Place, 'only'>,
  { states, classes, codes, triggers, isSlow }: FoundFilter,
  { withStanding }: Wanted,
): boolean {
  const isAsked = classes !== null || codes !== null || triggers !== null || isSlow !== null
  return withStanding || isAsked || only === NEVER_ATTEMPTED || !states?.every((state) => PLANNED.has(state))
}

/** The last attempt of `k`, a pair that may have none. */
function lastOfKnown(accountId: string, filter: FoundFilter, isLookedUp: boolean): Sql {
  return sql`
           lateral (
       select k.endpoint_id, x.*
         from (select) as one
         left join lateral (
           select ${ATTEMPT}
             from attempt a
            where ${isLookedUp ? ALL : sql`false`} and a.account_id = ${accountId} and a.event_id = k.event_id and a.endpoint_id = k.endpoint_id
              and ${isAfterItsEvent(sql`k.event_id`, filter)}
            order by a.id desc limit 1) as x on true) as d`
}

/** For each row the days of its own event and later; for the plan those of the filter. */
function isAfterItsEvent(eventId: Sql, { from }: FoundFilter): Sql {
  return sql`a.id >= 'atmpt_' || ksuid_before(${eventId}) and a.id >= ${attemptsFrom(timeOf(from))}`
}

const AGAIN_MAX = 50_000

/** Pairs that were delivered on request as well: all of the time that is looked at, unless there are too many. */
function pairsAgain({ accountId, againMax = AGAIN_MAX }: Scope, { from }: FoundFilter): Sql {
  return sql`
    with again as materialized (
      select b.event_id, b.endpoint_id from attempt b
       where b.account_id = ${accountId} and b.cause <> 'event' and b.id >= ${attemptsFrom(timeOf(from))}
       limit ${againMax + 1}
    )`
}

/**
 * Is `a` the last attempt of its event at its endpoint? One with another to come is, as long as that is planned. One that ended
 * its delivery is, unless there was another delivery: only where there was one is it looked for in all days since.
 */
function isLast({ accountId, againMax = AGAIN_MAX }: Scope): Sql {
  return sql`
                   (a.state <> 'pending'
                    or exists (select from pending p
                                where p.account_id = ${accountId} and p.event_id = a.event_id and p.delivery_id = a.delivery_id
                                  and p.attempts_made = a.number))
               and (((a.event_id, a.endpoint_id) not in (select event_id, endpoint_id from again)
                     and (select count(*) <= ${againMax} from again))
                    or not exists (select from attempt l
                                    where l.account_id = ${accountId} and l.event_id = a.event_id and l.id > a.id
                                      and l.endpoint_id = a.endpoint_id))`
}

/** `DeliveryStateWord` of `d` and `plan`. */
function stateAt({ now, timeoutMs }: Scope): Sql {
  return sql`
           case when plan.is_canceled then 'canceled'
                when plan.due_at <= ${now} and plan.due_at > ${now}::timestamptz - coalesce((t.target).timeout_ms, ${timeoutMs}) * interval '1 ms'
                  then 'sending'
                when plan.attempts_made = 0 then 'waiting'
                when plan.attempts_made > 0 then 'retrying'
                when d.failure_class is null then 'delivered'
                when d.outcome = 'canceled' then 'canceled'
                else 'exhausted' end`
}

function eventPasses({ types, npn, isTest }: FoundFilter): Sql {
  return sql`${types === null ? ALL : sql`e.type = any (${types}::text[])`}
       and ${npn === null ? ALL : sql`e.npn = ${npn}`}
       and ${isTest === null ? ALL : isTest ? sql`e.only_endpoint_id is not null` : sql`e.only_endpoint_id is null`}`
}

function attemptPasses({ endpointIds, classes, codes, triggers, isSlow }: FoundFilter): Sql {
  const isSlowly = sql`d.duration_ms > ${SLOW_LITERAL}`
  return sql`(${endpointIds}::text[] is null or d.endpoint_id = any (${endpointIds}::text[]))
       and (${classes}::text[] is null or d.failure_class = any (${classes}::text[]))
       and ${codes === null ? ALL : hasCode(codes)}
       and (${triggers}::text[] is null or d.cause = any (${triggers?.map(causeOf)}::text[]))
       and ${isSlow === null ? ALL : isSlow ? isSlowly : sql`not ${isSlowly}`}`
}

/** As text, so that the planner sees that the index of slow attempts has them all. */
const SLOW_LITERAL = sqlText(String(SLOW_MS))

/** Of attempts that were made: a cancellation has no response to have a code. */
function hasCode(codes: readonly CodeRange[]): Sql {
  return sql`d.outcome <> 'canceled' and exists (
              select from unnest(${codes.map(({ from }) => from)}::int[], ${codes.map(({ to }) => to)}::int[]) as c (low, high)
               where d.status_code between c.low and c.high)`
}

export function isWithin(eventId: Sql, { from, until, beginning }: FoundFilter, { above, below }: Wanted): Sql {
  return sql`${eventId} >= ${from} and ${eventId} < ${until}
       ${beginning === null ? sql`` : sql`and ${eventId} >= ${beginning} and ${eventId} < ${beginning + AFTER_ALL}`}
       ${above ? sql`and ${eventId} >= ${above.eventId}` : sql``}
       ${below ? sql`and ${eventId} <= ${below.eventId}` : sql``}`
}

function isBetween(pair: Sql, { above, below }: Wanted): Sql {
  return sql`${above ? sql`${pair} > (${above.eventId}, ${above.endpointId})` : ALL}
       and ${below ? sql`${pair} < (${below.eventId}, ${below.endpointId})` : ALL}`
}

/** @param of  where the columns stand, with a point */
export function ordered({ order }: Pick<Wanted, 'order'>, of = sql``): Sql {
  if (order === 'any') return sql``
  const way = sqlText(order === 'ascending' ? 'asc' : 'desc')
  return sql`order by ${of}event_id ${way}, ${of}endpoint_id ${way}`
}
