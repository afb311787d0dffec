import { setImmediate as yieldNow } from 'node:timers/promises'
import type { Npn } from '#src/population/npn.ts'
import { compareReports } from './compare.ts'
import type { FeedFailure, NiprFeed, ProducerReport } from './feed/feed.ts'
import { ATTEMPTS_MAX, retryDelayMs } from './feed/retry-schedule.ts'
import type { FeedParts, Pause } from './feed-parts.ts'
import type { Feed } from './feed-store.ts'
import type { Run } from './run.ts'
import { holdRun, readWaiting } from './run-store.ts'
import { dropWork, readTargets, type Staged, stage } from './staging-store.ts'

const READ_AT_ONCE = 20
const LISTED_PER_STATEMENT = 100
/** Reports that are compared and staged together. */
const STAGED_AT_ONCE = 100
/** While others use the process too: some milliseconds of it. */
const STAGED_AT_ONCE_SHARED = 20
/** Reports in memory that are not staged yet; then no more are read. */
const UNSTAGED_MAX = 300

type Read =
  | { npn: Npn; attempts: number; producer: ProducerReport }
  | { npn: Npn; attempts: number; producer: null } // NIPR does not know it
  | { npn: Npn; attempts: number; failure: FeedFailure }

export type DetailsRead = { kind: 'complete' } | { kind: 'refused'; cause: string } | { kind: 'lost' }

/**
 * Reads the detail reports of a run's work list, 20 side by side, and stages the differences. What is staged stays so, whoever
 * goes on with the run. A producer whose report fails five times is put off. Source: producersync-api 10, steps 3 and 4.
 */
export async function readDetails(
  parts: FeedParts,
  job: { feed: Feed; run: Run; owner: string },
  nipr: NiprFeed,
  pause: Pause,
  signal: AbortSignal,
): Promise<DetailsRead> {
  const reading = new DetailReading(parts, job, nipr, pause, signal)
  return await reading.run()
}

class DetailReading {
  readonly #parts: FeedParts
  readonly #job: { feed: Feed; run: Run; owner: string }
  readonly #nipr: NiprFeed
  readonly #pause: Pause
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal
  #listed: Npn[] = []
  #after = '0'
  #listEnded = false
  #listing: Promise<void> | undefined
  #unstaged: Read[] = []
  #staging: Promise<void> | undefined
  #end: DetailsRead | undefined

  constructor(
    parts: FeedParts,
    job: { feed: Feed; run: Run; owner: string },
    nipr: NiprFeed,
    pause: Pause,
    signal: AbortSignal,
  ) {
    this.#parts = parts
    this.#job = job
    this.#nipr = nipr
    this.#pause = pause
    this.#signal = AbortSignal.any([signal, this.#stop.signal])
  }

  async run(): Promise<DetailsRead> {
    try {
      await Promise.all(Array.from({ length: READ_AT_ONCE }, () => this.#readOneByOne()))
      while (this.#unstaged.length > 0 && !this.#end) await this.#stageSome()
    } catch (error) {
      this.#stop.abort()
      await this.#staging?.catch(() => undefined)
      if (!this.#end) throw error
    }
    return this.#end ?? { kind: 'complete' }
  }

  async #readOneByOne(): Promise<void> {
    for (let npn = await this.#next(); npn !== undefined && !this.#end; npn = await this.#next()) {
      await this.#parts.pace.report(this.#signal)
      this.#unstaged.push(await this.#read(npn))
      if (this.#unstaged.length >= UNSTAGED_MAX) await this.#stageSome()
      else if (this.#unstaged.length >= this.#stagedAtOnce) void this.#stageSome().catch(() => this.#stop.abort())
    }
  }

  async #next(): Promise<Npn | undefined> {
    while (this.#listed.length === 0 && !this.#listEnded) {
      this.#listing ??= this.#list().finally(() => {
        this.#listing = undefined
      })
      await this.#listing
    }
    return this.#listed.shift()
  }

  async #list(): Promise<void> {
    const { run } = this.#job
    const npns = await readWaiting(this.#parts.database, run.id, this.#after, LISTED_PER_STATEMENT)
    this.#after = npns.at(-1) ?? this.#after
    this.#listEnded = npns.length < LISTED_PER_STATEMENT
    this.#listed.push(...npns)
  }

  async #read(npn: Npn): Promise<Read> {
    for (let attempts = 1; ; attempts += 1) {
      const answer = await this.#nipr.detail(npn, this.#signal)
      if (answer.kind === 'report') return { npn, attempts, producer: answer.producer }
      if (answer.kind === 'unknown') return { npn, attempts, producer: null }
      if (answer.refused) {
        this.#end = { kind: 'refused', cause: answer.cause }
        this.#stop.abort()
      }
      const waitMs = retryDelayMs(answer, attempts, this.#parts.random())
      if (waitMs === undefined || attempts >= ATTEMPTS_MAX) return { npn, attempts, failure: answer }
      await this.#pause(
        this.#job.run.trigger === 'sandbox' ? Math.min(waitMs, SANDBOX_WAIT_MS_MAX) : waitMs,
        this.#signal,
      )
    }
  }

  get #stagedAtOnce(): number {
    return this.#parts.pace.isShared ? STAGED_AT_ONCE_SHARED : STAGED_AT_ONCE
  }

  /** One batch at a time; who calls while one is under way waits for it. */
  async #stageSome(): Promise<void> {
    this.#staging ??= this.#stage(this.#unstaged.splice(0, this.#stagedAtOnce)).finally(() => {
      this.#staging = undefined
    })
    await this.#staging
    await yieldNow()
  }

  async #stage(reads: readonly Read[]): Promise<void> {
    const { feed, run, owner } = this.#job
    const held = await this.#parts.database.transaction({}, async (tx) => {
      if (!(await holdRun(tx, run.id, owner))) return false
      const npns = reads.map(({ npn }) => npn)
      const targets = await readTargets(tx, feed.id, npns)
      const gone = npns.filter((npn) => !targets.has(npn))
      if (gone.length > 0) await dropWork(tx, run.id, gone)
      const reports = reads.flatMap((read) =>
        'producer' in read && read.producer && targets.has(read.npn) ? [read.producer] : [],
      )
      const writes = await compareReports(tx, this.#parts, feed.id, reports)
      const results = reads.flatMap((read) => {
        const target = targets.get(read.npn)
        return target ? [toStaged(read, target.version, writes.get(read.npn)?.length ?? 0)] : []
      })
      await stage(tx, run.id, results, [...writes.values()].flat())
      return true
    })
    if (!held) {
      this.#end = { kind: 'lost' }
      this.#stop.abort()
    }
  }
}

/** Somebody waits for a run of the sandbox. */
const SANDBOX_WAIT_MS_MAX = 200

function toStaged(read: Read, version: number, differences: number): Staged {
  const { npn, attempts } = read
  if ('failure' in read)
    return { npn, state: 'deferred', version: null, attempts, warnings: 0, cause: read.failure.cause }
  if (read.producer === null) return { npn, state: 'unknown', version, attempts, warnings: 0, cause: null }
  const state = differences > 0 ? 'staged' : 'unchanged'
  return { npn, state, version, attempts, warnings: read.producer.warnings, cause: null }
}
