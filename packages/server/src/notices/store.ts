import type { Environment } from '#src/accounts/principal.ts'
import { addMs } from '#src/adapters/clock.ts'
import { type IdSource, ksuidFloor } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { LateSignal } from './late-signals.ts'
import type { ChannelKind } from './rules.ts'
import { CERTIFICATE_DAYS, FAILURE_RATE_DEFAULT } from './rules.ts'
import type { NoticeDetails } from './words.ts'

const NOTICE_ID_PREFIX = 'ntc_'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** More an hour an account is not told: what is still true comes later. */
const PER_HOUR_MAX = 60
const PLANNED_PER_LOOK = 200
/** So few attempts are no rate. */
const RATE_ATTEMPTS_MIN = 10
const RATE_ATTEMPTS_MAX = 20_000

type Planned = { account_id: string; channel_id: string; subject: string; details: NoticeDetails }

/**
 * Plans what channels have not been told yet, each thing once: issues that are open and resolved, endpoints on the way to being
 * disabled and disabled, certificates that end and are renewed, and daily signals that are late.
 * @param db  of role `worker`
 * @returns how many
 */
export async function planNotices(
  db: Queryable,
  ids: IdSource,
  late: readonly LateSignal[],
  now: Date,
): Promise<number> {
  const since = addMs(now, -DAY_MS)
  const soon = addMs(now, CERTIFICATE_DAYS * DAY_MS)
  const rows = await db.query<Planned>`
    with wanted as (
      select c.account_id, c.id as channel_id, 'issue:' || i.id as subject, i.first_at as at,
             jsonb_build_object('rule', case when 'first_failure' = any (c.rules) then 'first_failure'
                                             when 'exhausted' = any (c.rules) and i.exhausted > 0 then 'exhausted'
                                             else 'failure_rate' end,
                                'issueId', i.id, 'endpointId', t.id, 'url', t.url, 'failureClass', i.failure_class, 'statusCode', i.latest_status,
                                'at', moment_text(i.first_at), 'failures', i.failures, 'exhausted', i.exhausted) as details
        from notification_channel c
        join issue i on i.account_id = c.account_id and i.state = 'open' and i.first_at >= c.created_at
        join endpoint t on t.account_id = i.account_id and t.id = i.endpoint_id
        left join notification_rate r on r.account_id = c.account_id
       where c.enabled
         and ('first_failure' = any (c.rules)
              or ('exhausted' = any (c.rules) and i.exhausted > 0)
              or ('failure_rate' = any (c.rules) and (
                    select count(*) >= ${RATE_ATTEMPTS_MIN}
                       and count(*) filter (where a.failure_class is not null) * 100
                             >= coalesce(r.percent, ${FAILURE_RATE_DEFAULT.percent}) * count(*)
                      from (select failure_class from attempt
                             where account_id = i.account_id and endpoint_id = i.endpoint_id and cause <> 'test'
                               and outcome <> 'canceled'
                               and id >= 'atmpt_' || ksuid_floor(${now}::timestamptz
                                     - coalesce(r.window_minutes, ${FAILURE_RATE_DEFAULT.windowMinutes}) * interval '1 minute')
                             limit ${RATE_ATTEMPTS_MAX}) as a)))
      union all
      select n.account_id, n.channel_id, n.subject || ':resolved', i.resolved_at,
             jsonb_build_object('rule', 'resolved', 'issueId', i.id, 'endpointId', t.id, 'url', t.url,
                                'failureClass', i.failure_class, 'statusCode', i.latest_status, 'at', moment_text(i.resolved_at), 'failures', i.failures,
                                'exhausted', i.exhausted)
        from issue i
        join notification_channel c on c.account_id = i.account_id and c.enabled and c.resolved
        join notice n on n.account_id = c.account_id and n.channel_id = c.id and n.subject = 'issue:' || i.id
        join endpoint t on t.account_id = i.account_id and t.id = i.endpoint_id
       where i.state = 'resolved' and i.resolved_at >= ${since}
      union all
      select c.account_id, c.id, 'endpoint:' || t.id || ':disabling_' || t.warned_percent || ':' || moment_text(t.failing_since),
             t.failing_since,
             jsonb_build_object('rule', 'disabling_' || t.warned_percent, 'endpointId', t.id, 'url', t.url,
                                'at', moment_text(t.failing_since))
        from notification_channel c
        join endpoint t on t.account_id = c.account_id and t.deleted_at is null and not t.disabled
       where c.enabled and t.failing_since is not null and 'disabling_' || t.warned_percent = any (c.rules)
      union all
      select c.account_id, c.id, 'endpoint:' || t.id || ':disabled:' || moment_text(t.canceled_before), t.canceled_before,
             jsonb_build_object('rule', 'disabled', 'endpointId', t.id, 'url', t.url, 'reason', t.disabled_reason,
                                'at', moment_text(t.canceled_before))
        from notification_channel c
        join endpoint t on t.account_id = c.account_id and t.deleted_at is null
       where c.enabled and 'disabled' = any (c.rules) and t.disabled and t.disabled_reason <> 'manual'
         and t.canceled_before >= c.created_at
      union all
      select c.account_id, c.id, 'endpoint:' || t.id || ':certificate:' || moment_text(t.certificate_ends_at), ${now}::timestamptz,
             jsonb_build_object('rule', 'certificate_ending', 'endpointId', t.id, 'url', t.url,
                                'at', moment_text(t.certificate_ends_at))
        from endpoint t
        join notification_channel c on c.account_id = t.account_id
       where c.enabled and 'certificate_ending' = any (c.rules) and t.deleted_at is null and not t.disabled
         and t.certificate_ends_at > ${now} and t.certificate_ends_at <= ${soon}
      union all
      select n.account_id, n.channel_id, n.subject || ':renewed', ${now},
             jsonb_build_object('rule', 'certificate_renewed', 'endpointId', t.id, 'url', t.url,
                                'at', moment_text(t.certificate_ends_at))
        from notice n
        join notification_channel c on c.account_id = n.account_id and c.id = n.channel_id and c.enabled and c.resolved
        join endpoint t on t.account_id = n.account_id and t.id = n.details ->> 'endpointId' and t.url = n.details ->> 'url'
       where n.details ->> 'rule' = 'certificate_ending' and t.deleted_at is null and t.certificate_ends_at > ${soon}
      union all
      select c.account_id, c.id, 'signal:' || s.run_date, s.at,
             jsonb_build_object('rule', 'daily_signal_late', 'runDate', s.run_date)
        from unnest(${late.map(({ feedId }) => feedId)}::text[], ${late.map(({ runDate }) => runDate)}::date[],
                    ${late.map(({ at }) => at)}::timestamptz[]) as s (feed_id, run_date, at)
        join account a on a.feed_id = s.feed_id and a.deleted_at is null
        join notification_channel c on c.account_id = a.id
       where c.enabled and 'daily_signal_late' = any (c.rules)
    ), unsaid as (
      select w.*, row_number() over (partition by w.account_id order by w.at) as turn
        from wanted w
       where not exists (select from notice n
                          where n.account_id = w.account_id and n.channel_id = w.channel_id and n.subject = w.subject)
    )
    select u.account_id, u.channel_id, u.subject, u.details
      from unsaid u
     where u.turn <= ${PER_HOUR_MAX} - (select count(*) from notice n
                                         where n.account_id = u.account_id
                                           and n.id >= ${NOTICE_ID_PREFIX + ksuidFloor(addMs(now, -HOUR_MS))})
     order by u.at limit ${PLANNED_PER_LOOK}`
  for (const { account_id, channel_id, subject, details } of rows) {
    await addNotice(db, { accountId: account_id, channelId: channel_id, subject, details }, ids, now)
  }
  return rows.length
}

/** @returns its id, also where the channel has been told already: then nothing is sent again */
export async function addNotice(
  tx: Queryable,
  notice: { accountId: string; channelId: string; subject: string; details: NoticeDetails },
  ids: IdSource,
  now: Date,
): Promise<string> {
  const id = NOTICE_ID_PREFIX + ids.next(now).ksuid
  await tx.query`
    insert into notice (account_id, id, channel_id, subject, details, due_at, created_at)
    select ${notice.accountId}, ${id}, c.id, ${notice.subject}, ${notice.details}::jsonb, ${now}::timestamptz, ${now}::timestamptz
      from notification_channel c where c.account_id = ${notice.accountId} and c.id = ${notice.channelId}
    on conflict (account_id, channel_id, subject) do nothing`
  return id
}

/** A notice that is due, with what it takes to send it; target and secret sealed. */
export type DueNotice = {
  id: string
  accountId: string
  environment: Environment
  dataKey: Buffer
  channelId: string
  kind: ChannelKind
  target: Buffer
  secret: Buffer | null
  details: NoticeDetails
  attempts: number // this one with them
}

type DueRow = {
  id: string
  account_id: string
  environment: Environment
  data_key: Buffer
  channel_id: string
  kind: ChannelKind
  target: Buffer
  secret: Buffer | null
  details: NoticeDetails
  attempts: number
}

/** Takes notices that are due; whoever dies with them leaves them to others when the lease is over. */
export async function takeDue(db: Queryable, now: Date, leaseMs: number, limit: number): Promise<DueNotice[]> {
  const rows = await db.query<DueRow>`
    with taken as (
      update notice n set due_at = ${addMs(now, leaseMs)}, attempts = n.attempts + 1
       where (n.account_id, n.id) in (select account_id, id from notice where due_at <= ${now} order by due_at limit ${limit}
                                         for update skip locked)
      returning n.*
    )
    select n.id, n.account_id, a.environment, a.data_key, n.channel_id, c.kind, c.target, c.secret, n.details, n.attempts
      from taken n
      join notification_channel c on c.account_id = n.account_id and c.id = n.channel_id
      join account a on a.id = n.account_id`
  return rows.map((row) => ({
    id: row.id,
    accountId: row.account_id,
    environment: row.environment,
    dataKey: row.data_key,
    channelId: row.channel_id,
    kind: row.kind,
    target: row.target,
    secret: row.secret,
    details: row.details,
    attempts: row.attempts,
  }))
}

/** @param failure null: sent. @param dueAt when it is tried again; null: not any more */
export async function recordSent(
  db: Queryable,
  { accountId, id, channelId }: Pick<DueNotice, 'accountId' | 'id' | 'channelId'>,
  { failure, dueAt }: { failure: string | null; dueAt: Date | null },
  now: Date,
): Promise<void> {
  const sentAt = failure === null ? now : null
  await db.query`
    with told as (
      update notice set due_at = ${dueAt}, sent_at = ${sentAt}, failure = ${failure}
       where account_id = ${accountId} and id = ${id}
    )
    update notification_channel
       set last_sent_at = coalesce(${sentAt}::timestamptz, last_sent_at), last_failure = ${failure}
     where account_id = ${accountId} and id = ${channelId}`
}

/** How it went; null while it is on its way. */
export async function readSent(
  tx: Queryable,
  accountId: string,
  id: string,
): Promise<{ failure: string | null } | null> {
  const [row] = await tx.query<{ sent_at: Date | null; failure: string | null }>`
    select sent_at, failure from notice where account_id = ${accountId} and id = ${id}`
  return row && (row.sent_at !== null || row.failure !== null) ? { failure: row.failure } : null
}

/** Removes notices made before a moment. @param db of role `worker`. @returns how many */
export async function purgeNotices(db: Queryable, before: Date, limit: number): Promise<number> {
  const rows = await db.query`
    delete from notice
     where (account_id, id) in (select account_id, id from notice where id < ${NOTICE_ID_PREFIX + ksuidFloor(before)}
                                 order by id limit ${limit})
    returning 1`
  return rows.length
}
