import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { DatabaseClock } from '#src/adapters/clock.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import { reasonOf } from '#src/adapters/reason.ts'
import type { Failpoint } from './failpoint.ts'

/** All deliveries of an endpoint belong to one of these shards; a worker owns shards, and nobody else touches them. */
const SHARDS = 256

/** `carefulMs`: for how long its attempts go one at a time; `inHand`: the delivery under way when its owner died so. */
export type OwnedShard = { number: number; epoch: number; carefulMs: number; inHand: string | null }

/** Owners lost within a minute that make a shard careful, and for how long: one of its deliveries may be killing them. */
const DEATHS_MAX = 5
const CAREFUL_SECONDS = 60
/** A worker that cannot say that it leaves is missed soon enough. */
const LEAVE_MS_MAX = 300

export type LeaseTimes = {
  leaseMs: number
  heartbeatMs: number
  /** Without a heartbeat for this long, counted from the sending of the last good one, the worker drops everything. */
  selfStopMs: number
  /** Without one for this long, nothing new starts. */
  startMs: number
  /** How often free and expired shards are looked for. */
  lookMs: number
}

export const LEASE_TIMES: LeaseTimes = {
  leaseMs: 4_000,
  heartbeatMs: 1_000,
  selfStopMs: 3_000,
  startMs: 2_000,
  lookMs: 500,
}

type Events = {
  /** These are ours from now on: read what is pending. */
  gained(shards: readonly OwnedShard[]): void
  /** Start nothing more for these; resolves with those of which all that had started is recorded, as soon as there are any. */
  releasing(shards: readonly number[]): Promise<readonly number[]>
  /** The lease is lost, or may be: stop at once and forget everything. */
  lost(): void
}

/**
 * Holds a lease on shards (reliability-security, section 5). The database's own clock writes and compares leases; this
 * process counts on its monotonic clock and stops itself before its lease can have ended.
 */
export class Ownership {
  readonly #database: Database
  readonly #clock: DatabaseClock | null
  readonly #events: Events
  readonly #log: Logger
  readonly #failpoint: Failpoint
  readonly #times: LeaseTimes
  readonly #owned = new Map<number, number>()
  readonly #releasing = new Set<number>()
  #workerId = randomUUID()
  /** `performance.now()` when the last successful heartbeat was sent. */
  #heardAtMs = Number.NEGATIVE_INFINITY
  #workers = 0
  #timers: NodeJS.Timeout[] = []
  #beating = false
  #looking: Promise<void> | null = null
  #handingOver: Promise<void> | null = null
  #closed = false

  /** @param clock  corrected with every heartbeat; null when a test moves its own */
  constructor(parts: {
    database: Database
    clock: DatabaseClock | null
    events: Events
    log: Logger
    failpoint: Failpoint
    times?: LeaseTimes
  }) {
    this.#database = parts.database
    this.#clock = parts.clock
    this.#events = parts.events
    this.#log = parts.log
    this.#failpoint = parts.failpoint
    this.#times = parts.times ?? LEASE_TIMES
  }

  get workerId(): string {
    return this.#workerId
  }

  get shardCount(): number {
    return this.#owned.size
  }

  get shards(): readonly number[] {
    return [...this.#owned.keys()]
  }

  /** Live workers as of the last look, this one included. */
  get workers(): number {
    return this.#workers
  }

  get leaseAgeMs(): number {
    return performance.now() - this.#heardAtMs
  }

  /** With it, what this worker has in hand is recorded. */
  epochOf(shard: number): number | undefined {
    return this.#owned.get(shard)
  }

  /** Is new work for this shard ours? Not while it is being given back. */
  takes(shard: number): boolean {
    return this.#owned.has(shard) && !this.#releasing.has(shard)
  }

  /** May an attempt start now? Asked again right before a request is written. A process that wakes up is told no. */
  mayStart(): boolean {
    return this.leaseAgeMs <= this.#times.startMs
  }

  async start(): Promise<void> {
    await this.#register()
    await this.#look()
    this.#timers = [
      setInterval(() => void this.#beat(), this.#times.heartbeatMs),
      setInterval(() => this.#stopWhenSilent(), this.#times.heartbeatMs / 10),
      setInterval(() => {
        this.#looking ??= this.#look().finally(() => {
          this.#looking = null
        })
      }, this.#times.lookMs),
    ]
  }

  /** Gives everything back, after what had started is recorded. */
  async close(): Promise<void> {
    this.#closed = true
    const [, , lookTimer] = this.#timers
    clearInterval(lookTimer)
    await this.#looking
    await Promise.all([this.#handingOver, this.#release(this.shards)])
    for (const timer of this.#timers) clearInterval(timer)
    const leave = sql`delete from worker where id = ${this.#workerId}`
    await this.#database.transactionBatch([leave], { timeoutMs: LEAVE_MS_MAX }).catch(() => undefined)
  }

  get #registered(): boolean {
    return this.#heardAtMs !== Number.NEGATIVE_INFINITY
  }

  async #register(): Promise<void> {
    const sentAtMs = performance.now()
    const [row] = await this.#database.query<{ now: Date }>`
      insert into worker (id, lease_until, started_at)
      values (${this.#workerId}, clock_timestamp() + ${this.#times.leaseMs} * interval '1 ms', clock_timestamp())
      on conflict (id) do update set lease_until = excluded.lease_until -- registered before, but the answer was lost
      returning clock_timestamp() as now`
    this.#heard(sentAtMs, row?.now)
  }

  async #beat(): Promise<void> {
    if (this.#beating) return
    this.#beating = true
    const workerId = this.#workerId
    const sentAtMs = performance.now()
    try {
      if (!this.#registered) return await this.#register()
      const [row] = await this.#database.query<{ now: Date }>`
        update worker set lease_until = clock_timestamp() + ${this.#times.leaseMs} * interval '1 ms'
         where id = ${workerId} and lease_until > clock_timestamp()
        returning clock_timestamp() as now`
      if (workerId !== this.#workerId) return // stopped meanwhile: a late heartbeat never revives it
      if (row) this.#heard(sentAtMs, row.now)
      else this.#restart('the lease had ended')
    } catch (error) {
      this.#log.warn({ event: 'lease.heartbeat_failed', reason: reasonOf(error) })
    } finally {
      this.#beating = false
    }
  }

  #heard(sentAtMs: number, now: Date | undefined): void {
    this.#heardAtMs = Math.max(this.#heardAtMs, sentAtMs)
    if (now) this.#clock?.correct(now, sentAtMs, performance.now())
  }

  #stopWhenSilent(): void {
    if (this.#owned.size === 0 || this.leaseAgeMs <= this.#times.selfStopMs) return
    this.#restart('no heartbeat for too long')
  }

  /** Drops everything, and goes on as somebody new with the next heartbeat. */
  #restart(why: string): void {
    this.#log.warn({ event: 'lease.lost', reason: why, shards: this.#owned.size })
    this.#owned.clear()
    this.#releasing.clear()
    this.#workerId = randomUUID()
    this.#heardAtMs = Number.NEGATIVE_INFINITY
    this.#events.lost()
  }

  /** Takes free and expired shards up to a fair share, and gives back what is beyond it. */
  async #look(): Promise<void> {
    if (this.#closed || !this.mayStart()) return
    try {
      const [counts] = await this.#database.query<{ workers: number; available: number; strays: number }>`
        select (select count(*)::int from worker where lease_until > clock_timestamp()) as workers,
               (select count(*)::int from shard
                 where owner = ${this.#workerId} and number <> all (${this.shards}::smallint[])) as strays,
               (select count(*)::int from shard s
                 where not exists (select from worker w where w.id = s.owner and w.lease_until > clock_timestamp())) as available`
      this.#workers = counts?.workers ?? 0
      // a takeover or a hand-over of which nobody knew whether it was committed
      if (counts && counts.strays > 0) await this.#freeStrays()
      const share = Math.ceil(SHARDS / Math.max(1, this.#workers))
      const kept = this.shards.filter((shard) => !this.#releasing.has(shard))
      if (kept.length > share) this.#handOver(kept.slice(share))
      else if (kept.length < share && (counts?.available ?? 0) > 0) await this.#take(share - kept.length)
    } catch (error) {
      this.#log.warn({ event: 'lease.look_failed', reason: reasonOf(error) })
    }
  }

  /**
   * Each former owner's lock is taken exclusively: what it is recording at this moment ends first, and what it records
   * later finds another owner (`hold_shards`).
   */
  async #take(count: number): Promise<void> {
    const workerId = this.#workerId
    const taken = await this.#database.transaction({}, async (tx) => {
      const wanted = await tx.query<{ number: number; owner: string | null }>`
        select number, owner from shard s
         where not exists (select from worker w where w.id = s.owner and w.lease_until > clock_timestamp())
         order by number for update skip locked limit ${count}`
      const owners = [...new Set(wanted.flatMap((shard) => shard.owner ?? []))].sort()
      await tx.query`select pg_advisory_xact_lock(hashtextextended(o, 0)) from unnest(${owners}::text[]) as o`
      await tx.query`delete from worker where id = any (${owners}::uuid[]) and lease_until <= clock_timestamp()`
      return await tx.query<OwnedShard>`
        update shard s
           set owner = ${workerId}, epoch = epoch + 1, deaths = d.deaths, deaths_since = d.since, in_hand = null,
               careful_until = case when d.deaths >= ${DEATHS_MAX} and s.owner is not null
                                    then clock_timestamp() + ${CAREFUL_SECONDS} * interval '1 second' else careful_until end
          from (select x.number, x.in_hand,
                       case when x.owner is null then x.deaths when recent then x.deaths + 1 else 1 end as deaths,
                       case when x.owner is null or recent then x.deaths_since else clock_timestamp() end as since
                  from shard x,
                       lateral (select coalesce(x.deaths_since > clock_timestamp() - interval '60 seconds', false) as recent) as r
               ) as d
         where d.number = s.number and s.number = any (${wanted.map((shard) => shard.number)}::smallint[])
           and not exists (select from worker w where w.id = s.owner and w.lease_until > clock_timestamp())
           and exists (select from worker w where w.id = ${workerId} and w.lease_until > clock_timestamp())
        returning s.number, s.epoch, d.in_hand as "inHand",
                  greatest(0, coalesce(extract(epoch from s.careful_until - clock_timestamp()) * 1000, 0))::int as "carefulMs"`
    })
    if (taken.length === 0) return
    await this.#failpoint('own.after_commit')
    if (workerId !== this.#workerId) return
    for (const shard of taken) this.#owned.set(shard.number, shard.epoch)
    this.#log.info({ event: 'lease.shards_taken', shards: taken.length })
    this.#events.gained(taken)
  }

  // Not waited for: an attempt with a long deadline must not keep this worker from looking after orphaned shards.
  #handOver(shards: readonly number[]): void {
    this.#handingOver ??= this.#release(shards).finally(() => {
      this.#handingOver = null
    })
  }

  /** Gives shards back, each as soon as nothing of it is under way. */
  async #release(shards: readonly number[]): Promise<void> {
    const workerId = this.#workerId
    const left = new Set(shards)
    for (const shard of shards) this.#releasing.add(shard)
    // as somebody new it may have them again, and is giving none of them back
    while (left.size > 0 && workerId === this.#workerId) {
      const ended = await this.#events.releasing([...left])
      if (workerId !== this.#workerId) break
      const given = new Map(ended.map((shard) => [shard, this.#owned.get(shard)]))
      for (const shard of ended) {
        left.delete(shard)
        this.#owned.delete(shard)
        this.#releasing.delete(shard)
      }
      await this.#tryToFree(given)
      this.#log.info({ event: 'lease.shards_released', shards: ended.length })
    }
  }

  async #tryToFree(given: ReadonlyMap<number, number | undefined>): Promise<void> {
    try {
      // by name and epoch: a takeover that is under way meanwhile stays this worker's, however late this arrives
      await this.#database.query`
        update shard s set owner = null, epoch = s.epoch + 1
          from unnest(${[...given.keys()]}::smallint[], ${[...given.values()]}::bigint[]) as g (number, epoch)
         where s.number = g.number and s.epoch = g.epoch and s.owner = ${this.#workerId}`
    } catch (error) {
      // the next look finds them, or they pass with the lease
      this.#log.warn({ event: 'lease.release_failed', reason: reasonOf(error) })
    }
  }

  /** Lets others have what is this worker's in the database and not here. Never while it takes shards: it would free those. */
  async #freeStrays(): Promise<void> {
    await this.#database.query`
      update shard set owner = null, epoch = epoch + 1
       where owner = ${this.#workerId} and number <> all (${this.shards}::smallint[])`
  }
}
