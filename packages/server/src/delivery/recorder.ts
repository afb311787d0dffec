import type { Logger } from 'pino'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { reasonOf } from '#src/adapters/reason.ts'
import type { Bundle } from '#src/events/accept.ts'
import { type AttemptRecord, type EndpointChange, recordAttempts } from './attempt-store.ts'
import { unpackAccounts } from './bundles.ts'
import { correctCancellations } from './cancel-store.ts'
import type { Failpoint } from './failpoint.ts'
import type { LaneName } from './lanes.ts'

/** Outcomes are written this long after the first of them at the latest; a crash repeats at most what was waiting. */
const FLUSH_MS = 20
const RECORDS_PER_FLUSH = 500
const FLUSHES_MAX = 2
/** With this many not written, nothing new is sent: the database is slower than the receivers. */
const UNRECORDED_MAX = 5_000
const RETRY_MS = 200

/** Called with each record once it is settled: written, or refused because the shard belongs to somebody else now. */
type Settle = (record: AttemptRecord, written: boolean) => void

/** Collects outcomes and writes many of them in one commit. */
export class Recorder {
  readonly #database: Queryable
  readonly #workerId: () => string
  readonly #settle: Settle
  readonly #changeOf: (endpointId: string) => EndpointChange | undefined
  readonly #failpoint: Failpoint
  readonly #log: Logger
  readonly #onFlush: (records: number, refused: number) => void
  readonly #announced: (changes: readonly EndpointChange[], lanes: readonly LaneName[]) => void
  #waiting: AttemptRecord[] = []
  #changed = new Set<string>()
  #flushing = 0
  /** The next delivery of a lane waits until one of those waiting is written. */
  #isAwaited = false
  #timer: NodeJS.Timeout | undefined
  /** Set while writing fails. Apart from the other, which may be running for what has come meanwhile. */
  #retry: NodeJS.Timeout | undefined
  #failing = false
  #generation = 0
  #idle: (() => void)[] = []

  constructor(parts: {
    database: Queryable
    workerId: () => string
    /** The state of an endpoint as it is to be written, at the moment of writing. */
    changeOf: (endpointId: string) => EndpointChange | undefined
    settle: Settle
    failpoint: Failpoint
    log: Logger
    onFlush: (records: number, refused: number) => void
    /** Changes were written, those announcements with them that come with the change; there is something to send in the lanes. */
    announced: (changes: readonly EndpointChange[], lanes: readonly LaneName[]) => void
  }) {
    this.#database = parts.database
    this.#workerId = parts.workerId
    this.#changeOf = parts.changeOf
    this.#settle = parts.settle
    this.#failpoint = parts.failpoint
    this.#log = parts.log
    this.#onFlush = parts.onFlush
    this.#announced = parts.announced
  }

  #inFlush = 0
  /** Nobody knows whether these have been written: the first time failed. */
  readonly #doubtful = new Set<AttemptRecord>()
  /** Bundles of which all is recorded, by several statements: their rows go with the next. */
  #empty: Bundle[] = []

  get size(): number {
    return this.#waiting.length + this.#inFlush
  }

  /** Writing works, and keeps up: new attempts may start. */
  get keepsUp(): boolean {
    return !this.#failing && this.size < UNRECORDED_MAX
  }

  /**
   * @param changesEndpoint  whether the attempt changes what the endpoint's row says
   * @param isAwaited        whether its lane sends nothing before it is written: it is, at once or behind one statement under way
   */
  add(record: AttemptRecord, { changesEndpoint, isAwaited }: { changesEndpoint: boolean; isAwaited: boolean }): void {
    this.#waiting.push(record)
    if (changesEndpoint) this.#changed.add(record.delivery.endpointId)
    if (isAwaited) this.#isAwaited = true
    if (this.#waiting.length >= RECORDS_PER_FLUSH || (this.#isAwaited && this.#flushing === 0)) this.#flush()
    else this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS)
  }

  /** Resolves when all that was added is written or refused, or after this time. */
  async drain(msMax: number): Promise<void> {
    this.#flush()
    let late = false
    const timer = setTimeout(() => {
      late = true
      this.#wakeIdle()
    }, msMax)
    while (this.size > 0 && !late) await new Promise<void>((resolve) => this.#idle.push(resolve))
    clearTimeout(timer)
  }

  /** Forgets everything: the lease is lost, and whoever owns the shards now sends again. */
  drop(): void {
    this.#generation += 1
    this.#waiting = []
    this.#doubtful.clear()
    this.#empty = []
    this.#changed.clear()
    this.#inFlush = 0
    this.#failing = false
    this.#isAwaited = false
    clearTimeout(this.#timer)
    clearTimeout(this.#retry)
    this.#timer = undefined
    this.#retry = undefined
    this.#wakeIdle()
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    while (this.#waiting.length > 0 && this.#flushing < FLUSHES_MAX && !this.#failing) {
      const records = this.#waiting.splice(0, RECORDS_PER_FLUSH)
      const changed = [...this.#changed]
      this.#changed.clear()
      void this.#write(records, changed)
    }
    if (this.#waiting.length === 0) this.#isAwaited = false // else they may be among what is left
  }

  async #write(records: AttemptRecord[], changed: string[]): Promise<void> {
    const generation = this.#generation
    this.#flushing += 1
    this.#inFlush += records.length
    let emptied: Bundle[] = []
    try {
      const changes = changed.flatMap((endpointId) => this.#changeOf(endpointId) ?? [])
      const again = this.#doubtful.size > 0 && records.some((record) => this.#doubtful.has(record))
      await this.#failpoint('record.before_commit')
      // a planned delivery that one of these ends may be in a bundle
      const ends = records.filter(({ endsPlanned }) => endsPlanned)
      if (ends.length > 0)
        await unpackAccounts(
          this.#database,
          ends.map(({ delivery }) => delivery.accountId),
        )
      const counts = countsOf(records)
      emptied = [
        ...this.#empty.splice(0),
        ...[...counts].flatMap(([bundle, count]) => (count === bundle.left ? [bundle] : [])),
      ]
      const { held, announced, overtaken, unpacked } = await recordAttempts(
        this.#database,
        this.#workerId(),
        records,
        changes,
        { again, packed: [...counts.keys()], emptied },
      )
      for (const bundle of unpacked) bundle.isPacked = false
      const isUnwritten = ({ delivery: { bundle } }: AttemptRecord) => bundle !== null && unpacked.has(bundle)
      const settled = records.filter((record) => !isUnwritten(record))
      const written = settled.filter(({ delivery }) => held.has(delivery.shard))
      if (overtaken) await correctCancellations(this.#database, written)
      await this.#failpoint('record.after_commit')
      if (generation !== this.#generation) return
      if (again) for (const record of settled) this.#doubtful.delete(record)
      this.#failing = false
      this.#inFlush -= records.length
      this.#waiting.unshift(...records.filter(isUnwritten)) // they have rows of their own now, which this statement did not look for
      this.#announced(changes, announced)
      this.#countBundles(written, emptied)
      for (const record of settled) this.#settle(record, held.has(record.delivery.shard))
      const refused = settled.length - written.length
      if (refused > 0) this.#log.warn({ event: 'delivery.stale_refused', records: refused })
      this.#onFlush(settled.length, refused)
    } catch (error) {
      if (generation !== this.#generation) return
      this.#failing = true
      this.#inFlush -= records.length
      this.#waiting.unshift(...records)
      this.#empty.push(...emptied.filter(({ left }) => left === 0))
      for (const record of records) this.#doubtful.add(record)
      for (const endpointId of changed) this.#changed.add(endpointId)
      this.#log.warn({ event: 'delivery.record_failed', records: records.length, reason: reasonOf(error) })
      this.#retry ??= setTimeout(() => {
        this.#retry = undefined
        this.#failing = false
        this.#flush()
      }, RETRY_MS)
    } finally {
      this.#flushing -= 1
      if (this.#isAwaited) this.#flush()
      if (this.#waiting.length > 0 && !this.#failing) this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS)
      if (this.size === 0) this.#wakeIdle()
    }
  }

  #countBundles(written: readonly AttemptRecord[], emptied: readonly Bundle[]): void {
    for (const {
      delivery: { bundle },
    } of written) {
      if (!bundle) continue
      bundle.left -= 1
      if (bundle.left === 0 && bundle.isPacked && !emptied.includes(bundle)) this.#empty.push(bundle)
    }
  }

  #wakeIdle(): void {
    const idle = this.#idle
    this.#idle = []
    for (const resolve of idle) resolve()
  }
}

/** How many of these are packed, by bundle. */
function countsOf(records: readonly AttemptRecord[]): Map<Bundle, number> {
  const counts = new Map<Bundle, number>()
  for (const {
    delivery: { bundle },
  } of records) {
    if (bundle?.isPacked) counts.set(bundle, (counts.get(bundle) ?? 0) + 1)
  }
  return counts
}
