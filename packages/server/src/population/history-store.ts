import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { Npn, Source } from './npn.ts'

/** Something that happened to one NPN of an account. */
export type NpnOccurrence = {
  accountId: string
  npn: Npn
  at: Date
  kind: 'joined' | 'left' | 'data_ready'
  /** Of one that joined. */
  source: Source | null
  /** `msg_…` of the event that told of it; null when nobody was told. */
  eventId: string | null
}

export async function saveOccurrences(tx: Queryable, occurrences: readonly NpnOccurrence[]): Promise<void> {
  if (occurrences.length === 0) return
  await tx.query`
    insert into population_event (account_id, npn, at, kind, source, event_id)
    select * from unnest(${occurrences.map(({ accountId }) => accountId)}::text[],
                         ${occurrences.map(({ npn }) => npn)}::bigint[],
                         ${occurrences.map(({ at }) => at)}::timestamptz[],
                         ${occurrences.map(({ kind }) => kind)}::text[],
                         ${occurrences.map(({ source }) => source)}::text[],
                         ${occurrences.map(({ eventId }) => eventId)}::text[])`
}

/** What happened to an NPN of an account, newest first. */
export async function readOccurrences(
  db: Queryable,
  accountId: string,
  npn: Npn,
  limit: number,
): Promise<Omit<NpnOccurrence, 'accountId' | 'npn'>[]> {
  return await db.query<Omit<NpnOccurrence, 'accountId' | 'npn'>>`
    select at, kind, source, event_id as "eventId" from population_event
     where account_id = ${accountId} and npn = ${npn}::bigint
     order by at desc limit ${limit}`
}
