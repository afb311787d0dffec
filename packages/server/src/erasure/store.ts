import type { Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import { cancelPlanned } from '#src/delivery/cancel-store.ts'
import type { LaneName } from '#src/delivery/lanes.ts'

export type ErasedEvents = { erased: number; lanes: LaneName[] }

/**
 * Erases payloads at once, in the caller's transaction: what is planned of their events is canceled, and nobody can send them
 * again. Ids, attempts and all else about the events stay.
 * @returns how many had a payload, and the lanes to wake once this is committed
 */
export async function erasePayloads(
  tx: Queryable,
  accountId: string,
  eventIds: readonly string[],
  parts: { ids: IdSource; clock: Clock },
): Promise<ErasedEvents> {
  if (eventIds.length === 0) return { erased: 0, lanes: [] }
  const erased = await tx.query`
    update event set payload = null, npn = null
     where account_id = ${accountId} and id = any (${eventIds}::text[]) and payload is not null
    returning id`
  const lanes = await cancelPlanned(
    tx,
    accountId,
    sql`p.event_id = any (${eventIds}::text[])`,
    'payload_expired',
    parts,
  )
  return { erased: erased.length, lanes }
}

/** Which of these names, ids or event ids of messages, name a message of the account. */
export async function resolveEvents(
  tx: Queryable,
  accountId: string,
  names: readonly string[],
): Promise<Map<string, string>> {
  const rows = await tx.query<{ name: string; id: string }>`
    select n.name, e.id
      from unnest(${names}::text[]) as n (name)
      join event e on e.account_id = ${accountId} and e.id = 'msg_' || substr(n.name, 5) and n.name ~ '^(msg|evt)_'
     union all
    select u.uid, u.event_id
      from event_uid u
      join event e on e.account_id = u.account_id and e.id = u.event_id
     where u.account_id = ${accountId} and u.uid = any (${names}::text[])`
  return new Map(rows.map(({ name, id }) => [name, id]))
}

/** What an attempt's answer becomes: these bytes, and no headers. @returns false when there is no such attempt */
export async function eraseAnswer(tx: Queryable, accountId: string, eventId: string, id: string): Promise<boolean> {
  const rows = await tx.query`
    update attempt set response = ${EXPUNGED}, response_headers = null
     where account_id = ${accountId} and event_id = ${eventId} and id = ${id}
    returning id`
  return rows.length > 0
}

const EXPUNGED = Buffer.from('EXPUNGED')

/** The next events of an account by their ids, from after `position` to before `below`. */
export async function nextEvents(
  tx: Queryable,
  accountId: string,
  { position, below, limit }: { position: string | null; below: string; limit: number },
): Promise<string[]> {
  const rows = await tx.query<{ id: string }>`
    select id from event
     where account_id = ${accountId} and id > ${position ?? ''} and id < ${below}
     order by id limit ${limit}`
  return rows.map(({ id }) => id)
}
