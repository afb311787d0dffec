import type { Environment } from '#src/accounts/principal.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { type IdSource, ksuidFloor, ksuidTime } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { prepare, type Sql, sql } from '#src/adapters/postgres/sql.ts'

/** What operational endpoints can choose. Source: webhook-api 11. */
export const OPERATIONAL_TYPES = [
  'endpoint.created',
  'endpoint.updated',
  'endpoint.deleted',
  'endpoint.enabled',
  'endpoint.disabled',
  'endpoint.failing',
  'message.attempt.failing',
  'message.attempt.exhausted',
  'message.attempt.recovered',
  'background_task.finished',
] as const
export type OperationalType = (typeof OPERATIONAL_TYPES)[number]

/** What an announcement is about; null where it does not apply. */
export type Announced = {
  environment: Environment | null // null: the account's
  accountId: string | null
  endpointId: string | null
  eventId: string | null
  attemptId: string | null
}

/**
 * An event for those who operate the environment. Its id is made with it, so that a statement that is repeated accepts it once.
 * The database completes its body (migration 007): ids and uids of the application and the endpoint, and of the message.
 */
export type Announcement = {
  ksuid: string
  at: Date
  type: OperationalType
  about: Announced
  details: Readonly<Record<string, unknown>>
}

/** A lane in which deliveries were planned, to wake once the transaction has committed. */
export type AnnouncedLane = { accountId: string; endpointId: string; shard: number }

/** An attempt may bear an id this much earlier than its event's. */
const CLOCKS_APART_MS_MAX = 60_000

/** @param named  what it is about; all else is null */
export function announcement(
  type: OperationalType,
  named: Partial<Announced>,
  details: Announcement['details'],
  { ids, clock }: { ids: IdSource; clock: Clock },
): Announcement {
  const { ksuid, at } = ids.next(clock.now())
  const none = { environment: null, accountId: null, endpointId: null, eventId: null, attemptId: null }
  return { ksuid, at, type, about: { ...none, ...named }, details }
}

/**
 * Accepts announcements in the caller's transaction, each with a delivery to every operational endpoint that wants it.
 * @param tx  of role `api` or `worker`
 */
export async function announce(tx: Queryable, announcements: readonly Announcement[]): Promise<AnnouncedLane[]> {
  if (announcements.length === 0) return []
  const rows = await tx.run<LaneRow>(prepare(announcing(announcements, sql`true`)))
  return rows.map(({ lane_account_id: accountId, lane_endpoint_id: endpointId, lane_shard: shard }) => ({
    accountId,
    endpointId,
    shard,
  }))
}

type LaneRow = { lane_account_id: string; lane_endpoint_id: string; lane_shard: number }

/**
 * As `announce`, as a part of a larger statement: selects the lanes.
 * @param guard  of the announcements as `w`: those of which it is true are accepted
 */
export function announcing(announcements: readonly Announcement[], guard: Sql): Sql {
  const named = announcements.map((announcement) => announcement.about)
  return sql`
    select lane.*
      from (select array_agg(w.ksuid) as ksuids, array_agg(w.at) as ats, array_agg(w.type) as types,
                   array_agg(w.environment) as environments, array_agg(w.account_id) as account_ids,
                   array_agg(w.endpoint_id) as endpoint_ids, array_agg(w.event_id) as event_ids,
                   array_agg(w.attempt_id) as attempt_ids, array_agg(w.attempts_from) as attempts_from,
                   array_agg(w.details) as details
              from unnest(${announcements.map(({ ksuid }) => ksuid)}::text[],
                          ${announcements.map(({ at }) => at)}::timestamptz[],
                          ${announcements.map(({ type }) => type)}::text[],
                          ${named.map(({ environment }) => environment)}::text[],
                          ${named.map(({ accountId }) => accountId)}::text[],
                          ${named.map(({ endpointId }) => endpointId)}::text[],
                          ${named.map(({ eventId }) => eventId)}::text[],
                          ${named.map(({ attemptId }) => attemptId)}::text[],
                          ${named.map(({ eventId }) => eventId && attemptsFrom(eventId))}::text[],
                          ${announcements.map(({ details }) => JSON.stringify(details))}::text[])
                   as w (ksuid, at, type, environment, account_id, endpoint_id, event_id, attempt_id, attempts_from, details)
             where ${guard}) as wanted
     cross join lateral announce(wanted.ksuids, wanted.ats, wanted.types, wanted.environments, wanted.account_ids,
                                 wanted.endpoint_ids, wanted.event_ids, wanted.attempt_ids, wanted.attempts_from,
                                 wanted.details) as lane`
}

function attemptsFrom(eventId: string): string {
  return `atmpt_${ksuidFloor(addMs(ksuidTime(eventId.slice('msg_'.length)), -CLOCKS_APART_MS_MAX))}`
}
