import type { WindowPage } from '#src/adapters/http/pages.ts'
import { isId } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import { notFound } from '#src/domain-error.ts'
import { fill, rangesWith, rowsIn } from '#src/occurrences/ranges.ts'
import { valuesOf } from '#src/occurrences/values.ts'
import { typesAmong } from './event-type-store.ts'
import { MESSAGE_ID_PREFIX } from './message.ts'
import type { StoredEvent } from './message-out.ts'

type EventRow = {
  id: string
  type: string
  uid: string | null
  channels: string[] | null
  tags: string[] | null
  created_at: Date
  deliver_at: Date | null
  payload: Buffer | null
  content_type: string | null
}

const ENVELOPE_ID_PREFIX = 'evt_'
const UID = /^[a-zA-Z0-9\-_.]{1,256}$/

/**
 * Reads an event by `msg_…`, by the `evt_…` id of its body, or by its event id.
 * @throws DomainError not_found, also for what cannot name an event
 */
export async function readEvent(tx: Queryable, accountId: string, name: string): Promise<StoredEvent> {
  const id = await eventIdOf(tx, accountId, name)
  const [row] = await tx.query<EventRow>`
    select id, type, uid, channels, tags, created_at, deliver_at, payload, content_type
      from event where account_id = ${accountId} and id = ${id}`
  if (!row) throw notFound()
  return toStored(row)
}

export async function readEvents(
  tx: Queryable,
  accountId: string,
  ids: readonly string[],
): Promise<Map<string, StoredEvent>> {
  const rows = await tx.query<EventRow>`
    select id, type, uid, channels, tags, created_at, deliver_at, payload, content_type
      from event where account_id = ${accountId} and id = any (${ids}::text[])`
  return new Map(rows.map((row) => [row.id, toStored(row)]))
}

export type EventFilter = {
  types: readonly string[] | null // as `match_names` of a type: groups stand for their types
  channel: string | null
  tag: string | null
  npn: string | null // the producer that they are about
  beginning: string | null // of their ids, or a whole one
  withContent: boolean
}

/** Events of an account within a page, newest first unless the page reads upwards; one more than its limit. */
export async function listEvents(
  tx: Queryable,
  account: { id: string; environment: string },
  page: WindowPage,
  filter: EventFilter,
): Promise<StoredEvent[]> {
  const { channel, tag } = filter
  const types = filter.types && (await typesAmong(tx, account.environment, filter.types))
  const wanted = valuesOf({ types, channel, tag })
  const order = page.read === 'ascending' ? sql`asc` : sql`desc`
  const window = sql`account_id = ${account.id} and id >= ${page.from} and id < ${page.until}
                     ${page.above === null ? sql`` : sql`and id > ${page.above}`}
                     ${page.below === null ? sql`` : sql`and id < ${page.below}`}
                     ${filter.npn === null ? sql`` : sql`and npn = ${filter.npn}`}
                     ${filter.beginning === null ? sql`` : sql`and id >= ${filter.beginning} and id < ${`${filter.beginning}~`}`}`
  const batches = rangesWith(tx, { accountId: account.id, owner: '' }, page, wanted)
  const rows = await fill(batches, page.limit + 1, (ranges, limit) =>
    tx.run<EventRow>(sql`
      select e.id, e.type, e.uid, e.channels, e.tags, e.created_at, e.deliver_at, e.content_type,
             case when ${filter.withContent} then e.payload end as payload
        from ${rowsIn('event', window, ranges)} as e
       where ${passes({ types, channel, tag })}
       order by e.id ${order}
       limit ${limit}`),
  )
  return rows.map(toStored)
}

/** What an event `e` has. @param types  of `typesAmong` */
export function passes({ types, channel, tag }: Pick<EventFilter, 'types' | 'channel' | 'tag'>): Sql {
  return sql`${channel === null ? sql`true` : sql`${channel} = any (e.channels)`}
         and ${tag === null ? sql`true` : sql`${tag} = any (e.tags)`}
         and ${types === null ? sql`true` : sql`e.type = any (${types}::text[])`}`
}

/** Would an enabled endpoint of the account get such an event now? */
export async function isWanted(
  tx: Queryable,
  account: { id: string; environment: string },
  type: string,
  channels: readonly string[] | null,
): Promise<boolean> {
  const rows = await tx.query`
    select 1
      from endpoint e
      left join event_type t on t.environment = ${account.environment} and t.name = ${type}
     where e.account_id = ${account.id} and endpoint_wants(e, null, ${type}, t, ${channels}::text[])
     limit 1`
  return rows.length > 0
}

/** The id of the event that was accepted with this event id. */
export async function eventIdOfUid(tx: Queryable, accountId: string, uid: string): Promise<string | undefined> {
  const [row] = await tx.query<{ event_id: string }>`
    select event_id from event_uid where account_id = ${accountId} and uid = ${uid}`
  return row?.event_id
}

async function eventIdOf(tx: Queryable, accountId: string, name: string): Promise<string> {
  const id = name.startsWith(ENVELOPE_ID_PREFIX) ? MESSAGE_ID_PREFIX + name.slice(ENVELOPE_ID_PREFIX.length) : name
  if (isId(id, MESSAGE_ID_PREFIX)) return id
  if (name.startsWith(MESSAGE_ID_PREFIX) || !UID.test(name)) throw notFound()
  const found = await eventIdOfUid(tx, accountId, name)
  if (found === undefined) throw notFound()
  return found
}

function toStored(row: EventRow): StoredEvent {
  return {
    id: row.id,
    type: row.type,
    uid: row.uid,
    channels: row.channels,
    tags: row.tags,
    createdAt: row.created_at,
    deliverAt: row.deliver_at,
    payload: row.payload,
    contentType: row.content_type,
  }
}
