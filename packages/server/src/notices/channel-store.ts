import type { SealingKey } from '#src/accounts/encryption.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Channel, openChannelSecret, openTarget, sealChannelSecret, sealTarget } from './channel.ts'
import { type ChannelKind, FAILURE_RATE_DEFAULT, type FailureRate, type NoticeRule } from './rules.ts'

type ChannelRow = {
  id: string
  kind: ChannelKind
  name: string
  target: Buffer
  secret: Buffer | null
  rules: NoticeRule[]
  resolved: boolean
  enabled: boolean
  last_sent_at: Date | null
  last_failure: string | null
}

/** The account's, as they were made. */
export async function listChannels(tx: Queryable, accountId: string, key: SealingKey): Promise<Channel[]> {
  const rows = await tx.query<ChannelRow>`
    select id, kind, name, target, secret, rules, resolved, enabled, last_sent_at, last_failure
      from notification_channel where account_id = ${accountId} order by id`
  return rows.map((row) => {
    const owner = { accountId, id: row.id }
    return {
      ...owner,
      kind: row.kind,
      name: row.name,
      target: openTarget(key, owner, row.target),
      secret: openChannelSecret(key, owner, row.secret),
      rules: row.rules,
      resolved: row.resolved,
      enabled: row.enabled,
      lastSentAt: row.last_sent_at,
      lastFailure: row.last_failure,
    }
  })
}

/** Changes of one account's channels go one after the other. */
export async function lockRules(tx: Queryable, accountId: string): Promise<void> {
  await tx.query`select pg_advisory_xact_lock(hashtextextended(${`psapi.notices ${accountId}`}, 0))`
}

/** Makes these the channels of the account: others go, and with them what they were still to be told. */
export async function saveChannels(
  tx: Queryable,
  accountId: string,
  channels: readonly Channel[],
  key: SealingKey,
  now: Date,
): Promise<void> {
  await tx.query`
    delete from notification_channel
     where account_id = ${accountId} and id <> all (${channels.map(({ id }) => id)}::text[])`
  for (const channel of channels) {
    await tx.query`
      insert into notification_channel (account_id, id, kind, name, target, secret, rules, resolved, enabled, created_at)
      values (${accountId}, ${channel.id}, ${channel.kind}, ${channel.name}, ${sealTarget(key, channel, channel.target)},
              ${sealChannelSecret(key, channel, channel.secret)}, ${channel.rules}::text[], ${channel.resolved},
              ${channel.enabled}, ${now})
      on conflict (account_id, id) do update
         set name = excluded.name, target = excluded.target, rules = excluded.rules, resolved = excluded.resolved,
             enabled = excluded.enabled`
  }
}

export async function readFailureRate(tx: Queryable, accountId: string): Promise<FailureRate> {
  const [row] = await tx.query<{ percent: number; window_minutes: number }>`
    select percent, window_minutes from notification_rate where account_id = ${accountId}`
  return row ? { percent: row.percent, windowMinutes: row.window_minutes } : FAILURE_RATE_DEFAULT
}

export async function saveFailureRate(
  tx: Queryable,
  accountId: string,
  { percent, windowMinutes }: FailureRate,
): Promise<void> {
  await tx.query`
    insert into notification_rate (account_id, percent, window_minutes) values (${accountId}, ${percent}, ${windowMinutes})
    on conflict (account_id) do update set percent = excluded.percent, window_minutes = excluded.window_minutes`
}
