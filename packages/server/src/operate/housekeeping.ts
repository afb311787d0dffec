import type { Logger } from 'pino'
import { purgeAccess } from '#src/accounts/purge.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { reasonOf } from '#src/adapters/reason.ts'
import { purgeAudit } from '#src/audit/store.ts'
import { purgeLogins } from '#src/cli-login/store.ts'
import { purgeCliSessions } from '#src/cli-sessions/store.ts'
import { purgeIssues } from '#src/issues/store.ts'
import { trimChanges } from '#src/live/store.ts'
import { purgeNotices } from '#src/notices/store.ts'
import { purgeOccurrences } from '#src/occurrences/purge.ts'
import { purgePortal } from '#src/portal/purge.ts'
import { purgePreviews } from '#src/replays/preview-store.ts'
import { purgeTallies } from '#src/tally/tally-store.ts'
import { type Kept, Retention, readKept } from './retention.ts'

const DAY_MS = 86_400_000
const PARTITION_DAYS_AHEAD = 7
const IDEMPOTENCY_KEPT_MS = 12 * 3_600_000
const ISSUES_KEPT_DAYS = 90
const ROWS_PER_STATEMENT = 5_000
const STATEMENTS_MAX = 20
const EVERY_MS = 600_000
const PARTITIONS_EVERY_MS = 3_600_000
/** What was under way for an account when it was deleted has ended by then. */
const ENDED_ACCOUNTS_WAIT_MS = 3_600_000
const ENDED_ROWS_PER_TABLE = 2_000
const ENDED_STATEMENTS_MAX = 200
const SWEEPS_MAX = 10_000

/**
 * Keeps the tables in shape: partitions ahead of time, old ones dropped whole, rows that have lost their meaning removed
 * in small batches. Any number of processes may do it at once.
 */
export class Housekeeping {
  readonly #database: Database
  readonly #clock: Clock
  readonly #log: Logger
  readonly #retention: Retention
  /** Set while there is more for it to do. */
  #sweeping: Kept | null = null
  #alarm: { cancel(): void } | undefined
  #round: Promise<void> | undefined
  #partitionsAt: Date
  /** The last sweep has left something for the next. */
  #hasMore = false
  #closed = false

  /** @param database  role `worker` */
  constructor(parts: { database: Database; clock: Clock; log: Logger }) {
    this.#database = parts.database
    this.#clock = parts.clock
    this.#log = parts.log
    this.#retention = new Retention(parts.database)
    this.#partitionsAt = parts.clock.now()
  }

  /** Makes the partitions that events need now, then goes on every ten minutes. */
  async start(): Promise<void> {
    await this.#keepPartitions(await readKept(this.#database))
    this.#again()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#alarm?.cancel()
    await this.#round
  }

  /** Resolves when the round under way has ended. */
  async settled(): Promise<void> {
    await this.#round
  }

  #again(): void {
    if (this.#closed) return
    this.#alarm = this.#clock.alarm(addMs(this.#clock.now(), EVERY_MS), () => {
      this.#round ??= this.#keep().finally(() => {
        this.#round = undefined
      })
      this.#again()
    })
  }

  async #keep(): Promise<void> {
    try {
      await this.#sweep()
    } catch (error) {
      this.#log.warn({ event: 'housekeeping.failed', reason: reasonOf(error) })
    }
  }

  /** Removes all that is past its time, now and to the end. @throws what the database throws */
  async purge(): Promise<void> {
    this.#partitionsAt = this.#clock.now()
    for (let sweeps = 0; sweeps < SWEEPS_MAX; sweeps += 1) {
      this.#hasMore = false
      await this.#sweep()
      if (!this.#hasMore && !this.#sweeping) return
    }
  }

  async #sweep(): Promise<void> {
    const now = this.#clock.now()
    if (now >= this.#partitionsAt) {
      const kept = await readKept(this.#database)
      await this.#keepPartitions(kept)
      const before = addMs(now, -kept.longest * DAY_MS)
      await this.#purge((limit) => this.#purgeEventIds(before, limit))
      await this.#purge((limit) => purgeTallies(this.#database, null, before, limit))
      await this.#purge((limit) => purgeOccurrences(this.#database, before, limit))
      this.#sweeping = kept
    }
    if (this.#sweeping && (await this.#retention.sweep(this.#sweeping, now))) this.#sweeping = null
    await this.#purge((limit) => this.#purgeIdempotency(now, limit))
    await this.#purge((limit) => this.#erasePayloads(now, limit))
    await this.#purge(() => purgeAccess(this.#database, now))
    await this.#purge(() => purgePortal(this.#database, now))
    await this.#purge(() => purgeCliSessions(this.#database, now))
    await this.#purge(() => purgeLogins(this.#database, now))
    await trimChanges(this.#database)
    await this.#purge((limit) => purgePreviews(this.#database, now, limit))
    await this.#purge((limit) => purgeNotices(this.#database, addMs(now, -ISSUES_KEPT_DAYS * DAY_MS), limit))
    await this.#purge((limit) => purgeIssues(this.#database, addMs(now, -ISSUES_KEPT_DAYS * DAY_MS), limit))
    await this.#purge((limit) => purgeAudit(this.#database, now, limit))
    await this.#purgeEndedAccounts(now)
  }

  /** The rest of deleted accounts (reliability-security 13: within 24 h), one after the other, and a part at a time. */
  async #purgeEndedAccounts(now: Date): Promise<void> {
    for (let count = 0; count < ENDED_STATEMENTS_MAX; count += 1) {
      const [row] = await this.#database.query<{ gone: number | null }>`
        select purge_ended_account(${addMs(now, -ENDED_ACCOUNTS_WAIT_MS)}::timestamptz, ${now}::timestamptz, ${ENDED_ROWS_PER_TABLE}) as gone`
      if (row?.gone == null) return
    }
    this.#hasMore = true
  }

  async #keepPartitions({ longest }: Kept): Promise<void> {
    const now = this.#clock.now()
    const [row] = await this.#database.query<{ made: number; dropped: number }>`
      select make_partitions(${dayOf(addMs(now, -DAY_MS))}::date, ${dayOf(addMs(now, PARTITION_DAYS_AHEAD * DAY_MS))}::date) as made,
             drop_partitions(${dayOf(addMs(now, -longest * DAY_MS))}::date) as dropped`
    if (row && row.made + row.dropped > 0)
      this.#log.info({ event: 'housekeeping.partitions', made: row.made, dropped: row.dropped })
    this.#partitionsAt = addMs(now, PARTITIONS_EVERY_MS)
  }

  async #purge(batch: (limit: number) => Promise<number>): Promise<void> {
    for (let count = 0; count < STATEMENTS_MAX; count += 1) {
      if ((await batch(ROWS_PER_STATEMENT)) < ROWS_PER_STATEMENT) return
    }
    this.#hasMore = true
  }

  async #purgeIdempotency(now: Date, limit: number): Promise<number> {
    const rows = await this.#database.query`
      delete from idempotency
       where key = any (array(select key from idempotency where created_at < ${addMs(now, -IDEMPOTENCY_KEPT_MS)}
                               order by created_at limit ${limit}))
      returning 1`
    return rows.length
  }

  /** A payload goes at the end of its own retention, but not while a delivery of it is planned. */
  async #erasePayloads(now: Date, limit: number): Promise<number> {
    const rows = await this.#database.query`
      update event e set payload = null, npn = null
        from (select account_id, id from event x
               where x.payload is not null and x.payload_expires_at - x.created_at < interval '2136 hours'
                 and x.payload_expires_at < ${now}
                 and not exists (select from pending p where p.account_id = x.account_id and p.event_id = x.id)
               order by x.payload_expires_at limit ${limit}) as expired
       where e.account_id = expired.account_id and e.id = expired.id
      returning 1`
    return rows.length
  }

  /** An event id is taken as long as its message is kept. */
  async #purgeEventIds(before: Date, limit: number): Promise<number> {
    const rows = await this.#database.query`
      delete from event_uid u
       using (select account_id, uid from event_uid
               where event_id < 'msg_' || ksuid_floor(${before}::timestamptz)
               order by event_id limit ${limit}) as old
       where u.account_id = old.account_id and u.uid = old.uid
      returning 1`
    return rows.length
  }
}

function dayOf(moment: Date): string {
  return moment.toISOString().slice(0, 10)
}
