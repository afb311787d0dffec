import type { IdempotencyKey } from '#src/adapters/http/idempotency.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { prepare, sql } from '#src/adapters/postgres/sql.ts'
import { DomainError } from '#src/domain-error.ts'
import {
  inputOf,
  type NewEvent,
  type OwnWork,
  type OwnWorkOf,
  type PlannedDelivery,
  type PlannedRow,
  plannedJson,
  storeAndPlan,
  toPlanned,
} from './accept.ts'

/**
 * One API call: its events commit together. A call of one event is refused when its uid is taken; a batch is not, and
 * says which item of the request (0, 1, …) each of its events is.
 */
export type AcceptCall = { events: readonly NewEvent[]; key: IdempotencyKey | null; items: readonly number[] | null }

/** What became of an event; `item` is 0 in a call that is no batch. */
export type Accepted = { item: number; eventId: string } | { item: number; takenBy: string }

export type AcceptAnswer =
  | { kind: 'accepted'; events: Accepted[] }
  | { kind: 'replayed'; events: Accepted[] } // an earlier call with this key; the ids are those of its events
  | { kind: 'key_reused' } // an earlier call with this key had another body
  | { kind: 'account_gone' } // deleted since the request was let in

const KEY_HOURS = 12
/** Rounds in which a call may meet a key or uid that another transaction holds and then gives up. */
const ROUNDS_MAX = 5

/**
 * Stores the events of calls that share no key and no uid, with a delivery to each endpoint that wants them, and commits.
 * @returns an answer for each call, in their order, and what is planned now
 * @throws DomainError unavailable when a call meets again and again what another transaction holds; DatabaseUnavailable
 */
export async function acceptCalls(
  database: Database,
  calls: readonly AcceptCall[],
  now: () => Date,
  ownWork: OwnWorkOf,
): Promise<{ answers: AcceptAnswer[]; planned: PlannedDelivery[] }> {
  const answers = new Map<AcceptCall, AcceptAnswer>()
  const planned: PlannedDelivery[] = []
  for (let round = 1; answers.size < calls.length; round += 1) {
    if (round > ROUNDS_MAX) throw new DomainError('unavailable', 'Try again.', { retryAfterSeconds: 1 })
    const open = calls.filter((call) => !answers.has(call))
    const own = ownWork(eventsByAccount(open))
    // only then can a lost key leave uids behind that have to be given back before the commit
    const both = open.some((call) => call.key && call.events.some((event) => event.uid !== undefined))
    const stored = both
      ? await database.transaction({}, (tx) => store(tx, open, own, now()))
      : await store(database, open, own, now())
    planned.push(...stored.planned)
    for (const [call, answer] of await settle(database, open, stored)) answers.set(call, answer)
  }
  return { answers: calls.flatMap((call) => answers.get(call) ?? []), planned }
}

function eventsByAccount(calls: readonly AcceptCall[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { events } of calls) {
    for (const { accountId } of events) counts.set(accountId, (counts.get(accountId) ?? 0) + 1)
  }
  return counts
}

export function uidName(event: { accountId: string; uid?: string | null }): string {
  return `${event.accountId} ${event.uid}`
}

/** What one statement made of some calls: which it took on, and which events it stored. */
type Stored = {
  taken: ReadonlySet<AcceptCall>
  eventIds: ReadonlySet<string>
  goneAccounts: ReadonlySet<string>
  planned: PlannedDelivery[]
}

type PlannedColumns = [eventId: string, deliveryId: string, endpointId: string, shard: number]

type StoredRow = {
  claimed: number[]
  event_ids: string[] | null // null: all
  gone: string[]
  planned: string | null // JSON of `PlannedColumns`
  bundled: [accountId: string, id: string, deliveries: string][] | null // `deliveries` as `planned`
}

/**
 * Stores what is new of the calls in one statement. A call whose key is known is not taken on, and an event whose uid is
 * known is not stored; `settle` reads afterwards, by a newer snapshot, what had been there first.
 *
 * An insert that meets an uncommitted row of the same key or uid waits for it, so a conflict is only ever answered for
 * what is committed. Keys are claimed after uids; when a key turns out to be lost at that late moment, the uids claimed
 * for its call are given back in the same transaction.
 *
 * It is planned once for any number of events, so nothing in it may be a join of two lists of the call: planned for ten
 * rows, that would be a nested loop. What stands in parentheses with `is true` stays a look-up in a hash.
 */
async function store(tx: Queryable, calls: readonly AcceptCall[], own: OwnWork | null, now: Date): Promise<Stored> {
  const events = calls.flatMap((call) => call.events)
  const callNumbers = calls.flatMap((call, index) => call.events.map(() => index + 1))
  const keyed = calls.flatMap((call, index) => (call.key ? [{ ...call, key: call.key, number: index + 1 }] : []))
  const expiredAt = new Date(now.getTime() - KEY_HOURS * 3_600_000)
  const statement = sql`
    with ${inputOf(events, callNumbers, own)},
    gone as materialized (
      select wanted.id
        from (select distinct account_id as id from input) as wanted
       where not exists (select from account a where a.id = wanted.id and a.deleted_at is null)
    ),
    keyed as materialized (
      select k.*
        from unnest(${keyed.map((call) => call.number)}::int[],
                    ${keyed.map((call) => call.key.key)}::bytea[],
                    ${keyed.map((call) => call.key.requestHash)}::bytea[],
                    ${keyed.map((call) => call.items !== null)}::boolean[],
                    ${keyed.map((call) => call.events[0]?.environment ?? null)}::text[],
                    ${keyed.map((call) => call.events[0]?.accountId ?? null)}::text[],
                    ${keyed.map((call) => keptAnswer(call))}::text[])
          as k (call_no, key, request_hash, batch, environment, account_id, answer)
    ), known as (
      select k.call_no from keyed k join idempotency i on i.key = k.key where i.created_at > ${expiredAt}
    ), fresh as not materialized (
      select * from input where call_no not in (select call_no from known) and account_id not in (select id from gone)
    ), uids as (
      insert into event_uid (account_id, uid, event_id)
      select distinct on (account_id, uid) account_id, uid, id from fresh where uid is not null
       order by account_id, uid, event_no
      on conflict do nothing
      returning event_id
    ), free as not materialized (
      select * from fresh where uid is null or id in (select event_id from uids)
    ), keys as (
      insert into idempotency as kept (key, environment, account_id, request_hash, status, answer, created_at)
      select key, environment, account_id, request_hash, 202, convert_to(answer, 'utf8'), ${now}
        from keyed
       where call_no not in (select call_no from known) and account_id not in (select id from gone)
         and (batch or call_no in (select call_no from free))
       order by key
      on conflict (key) do update
        set request_hash = excluded.request_hash, answer = excluded.answer, created_at = excluded.created_at
        where kept.created_at <= ${expiredAt}
      returning key
    ), claimed as materialized (
      select call_no from keyed where (key in (select key from keys)) is true
    ), admitted as materialized (
      select * from free where call_no in (select call_no from claimed) or call_no not in (select call_no from keyed)
    ),
    ${storeAndPlan(own)}
    select array(select call_no from claimed) as claimed,
           case when (select count(*) from admitted) < ${events.length} then array(select id from admitted) end as event_ids,
           array(select id from gone) as gone,
           (select ${plannedJson} from wanted where not is_own) as planned,
           ${own ? sql`(select json_agg(json_build_array(account_id, id, deliveries)) from bundled)` : sql`null::json`} as bundled`
  const [row] = await tx.run<StoredRow>(prepare(statement))
  if (!row) throw new Error('the accept statement returned no row')
  const claimed = new Set(row.claimed)
  const taken = new Set(calls.filter((call, index) => !call.key || claimed.has(index + 1)))
  await giveBackUids(
    tx,
    calls.filter((call) => !taken.has(call)).flatMap((call) => call.events),
  )
  return {
    taken,
    eventIds: new Set(row.event_ids ?? events.map((event) => event.id)),
    goneAccounts: new Set(row.gone),
    planned: [
      ...toPlanned(toPlannedRows(row.planned ?? '[]'), events),
      ...(row.bundled ?? []).flatMap(([accountId, id, deliveries]) => {
        const rows = toPlannedRows(deliveries)
        return toPlanned(rows, events, { accountId, id, left: rows.length, isPacked: true })
      }),
    ],
  }
}

function toPlannedRows(json: string): PlannedRow[] {
  const rows: PlannedColumns[] = JSON.parse(json)
  return rows.map(([event_id, delivery_id, endpoint_id, shard]) => ({ event_id, delivery_id, endpoint_id, shard }))
}

async function giveBackUids(tx: Queryable, events: readonly NewEvent[]): Promise<void> {
  const claims = events.filter((event) => event.uid !== undefined)
  if (claims.length === 0) return
  await tx.query`
    delete from event_uid u
     using unnest(${claims.map((event) => event.accountId)}::text[], ${claims.map((event) => event.uid)}::text[],
                  ${claims.map((event) => event.id)}::text[]) as c (account_id, uid, event_id)
     where u.account_id = c.account_id and u.uid = c.uid and u.event_id = c.event_id`
}

/** Gives each call its answer, or none to a call that met something which is no longer there: it is tried again. */
async function settle(
  database: Queryable,
  calls: readonly AcceptCall[],
  stored: Stored,
): Promise<Map<AcceptCall, AcceptAnswer>> {
  const earlier = await readKeys(
    database,
    calls.filter((call) => !stored.taken.has(call)),
  )
  const holders = await readUids(
    database,
    calls.flatMap((call) => call.events).filter((event) => !stored.eventIds.has(event.id)),
  )
  const answers = new Map<AcceptCall, AcceptAnswer>()
  for (const call of calls) {
    if (call.events.some((event) => stored.goneAccounts.has(event.accountId))) {
      answers.set(call, { kind: 'account_gone' })
      continue
    }
    const known = call.key && earlier.get(call.key.key.toString('base64'))
    if (call.key && known) {
      const same = known.request_hash.equals(call.key.requestHash)
      answers.set(call, same ? await replayed(database, call, known.answer) : { kind: 'key_reused' })
      continue
    }
    if (!stored.taken.has(call) && call.items !== null) continue
    const events = call.events.map((event, index) => outcomeOf(event, itemOf(call, index), stored.eventIds, holders))
    if (events.every((event) => event !== undefined)) answers.set(call, { kind: 'accepted', events })
  }
  return answers
}

/** What is kept with the key of a call: the items that it stored, and as which events. */
export function keptAnswer(call: Pick<AcceptCall, 'events' | 'items'>): string {
  return JSON.stringify(call.events.map((event, index) => [itemOf(call, index), event.id]))
}

function itemOf(call: Pick<AcceptCall, 'items'>, index: number): number {
  return call.items?.[index] ?? 0
}

function outcomeOf(
  event: NewEvent,
  item: number,
  stored: ReadonlySet<string>,
  holders: ReadonlyMap<string, string>,
): Accepted | undefined {
  if (stored.has(event.id)) return { item, eventId: event.id }
  const takenBy = event.uid === undefined ? undefined : holders.get(uidName(event))
  return takenBy === undefined ? undefined : { item, takenBy }
}

/** The answer of the first call with this key: the events that it stored; an item that lost its uid has a holder now. */
async function replayed(database: Queryable, call: AcceptCall, answer: Buffer): Promise<AcceptAnswer> {
  const first: [item: number, eventId: string][] = JSON.parse(answer.toString('utf8'))
  const found = await database.query<{ id: string }>`
    select id from event
     where account_id = ${call.events[0]?.accountId} and id = any (${first.map(([, id]) => id)}::text[])`
  const stored = new Set(found.map((row) => row.id))
  const holders = await readUids(database, call.events)
  const uids = new Map(call.events.map((event, index) => [itemOf(call, index), event]))
  const events = first.map(([item, eventId]): Accepted => {
    const same = uids.get(item)
    const takenBy = same?.uid === undefined ? undefined : holders.get(uidName(same))
    return stored.has(eventId) || takenBy === undefined ? { item, eventId } : { item, takenBy }
  })
  return { kind: 'replayed', events }
}

async function readKeys(database: Queryable, calls: readonly AcceptCall[]) {
  const keys = calls.flatMap((call) => call.key?.key ?? [])
  const rows =
    keys.length === 0
      ? []
      : await database.query<{ key: Buffer; request_hash: Buffer; answer: Buffer }>`
          select key, request_hash, answer from idempotency where key = any (${keys}::bytea[])`
  return new Map(rows.map((row) => [row.key.toString('base64'), row]))
}

async function readUids(database: Queryable, events: readonly NewEvent[]): Promise<Map<string, string>> {
  const wanted = events.filter((event) => event.uid !== undefined)
  if (wanted.length === 0) return new Map()
  const rows = await database.query<{ account_id: string; uid: string; event_id: string }>`
    select u.account_id, u.uid, u.event_id
      from event_uid u
      join unnest(${wanted.map((event) => event.accountId)}::text[], ${wanted.map((event) => event.uid)}::text[])
        as w (account_id, uid) on u.account_id = w.account_id and u.uid = w.uid`
  return new Map(rows.map((row) => [uidName({ accountId: row.account_id, uid: row.uid }), row.event_id]))
}
