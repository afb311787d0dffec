import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { addMs } from '#src/adapters/clock.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { Wake } from '#src/events/accept.ts'
import { JOB_KEPT_DAYS } from './job.ts'
import { giveLeasesBack, type JobKey, leaseJobs, renewLeases } from './job-store.ts'
import { deleteOld, deletePreviews } from './sweep-store.ts'
import { advanceJob, type Lease, type Transactions, type WorkParts } from './work.ts'

export type RunnerParts = WorkParts & {
  database: Queryable & Transactions // of role `updates`, with more than CHUNKS_AT_ONCE connections
  wake: Wake
  log: Pick<Logger, 'info' | 'warn'>
  /** How long a lease holds without renewal; default 4,000. */
  leaseMs?: number
}

/** A few, so that one account that waits for a lock stops nobody else. */
const CHUNKS_AT_ONCE = 4
const JOBS_HELD_MAX = 1_000
const LEASE_MS = 4_000
/** The backstop of `wake`: how late another process's job, or a dead one's, is noticed. */
const POLL_MS = 500
const RETRY_MS_MAX = 10_000
const SWEEP_EVERY_MS = 600_000
const SWEEP_ROWS = 5_000

type JobInHand = { key: JobKey; failures: number; retry: { cancel(): void } | null }

/**
 * Works on the jobs of all accounts, of each account one at a time. Jobs take turns chunk by chunk, so a large one
 * delays no other account's. Any number of runners share the work; what one that dies has begun, another goes on with
 * once its lease has passed.
 */
export class PopulationRunner {
  readonly #parts: RunnerParts
  readonly #lease: Lease
  readonly #held = new Map<string, JobInHand>()
  #queue: JobInHand[] = []
  readonly #working = new Set<Promise<void>>()
  #timers: NodeJS.Timeout[] = []
  #looking: Promise<void> | undefined
  #lookAgain = false
  #sweeping: Promise<void> | undefined
  #sweepAt: Date
  #closed = false

  constructor(parts: RunnerParts) {
    this.#parts = parts
    this.#lease = { runnerId: randomUUID(), leaseMs: parts.leaseMs ?? LEASE_MS }
    this.#sweepAt = parts.clock.now()
  }

  /** Leases run on the database's real time, so do these timers, whatever `clock` says. */
  start(): void {
    this.#timers = [
      setInterval(() => this.#poll(), POLL_MS),
      setInterval(() => void this.#renew(), this.#lease.leaseMs / 4),
    ]
    this.#poll()
  }

  /** A job may be there: call it after one has been accepted. */
  wake(): void {
    this.#lookAgain = true
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
  }

  /** Ends after the transactions under way, and leaves the jobs to others. */
  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#timers) clearInterval(timer)
    for (const job of this.#held.values()) job.retry?.cancel()
    await Promise.all([this.#looking, this.#sweeping, ...this.#working])
    try {
      await giveLeasesBack(this.#parts.database, this.#lease.runnerId)
    } catch (error) {
      this.#warn('population.leases_kept', error) // they pass by themselves
    }
  }

  #poll(): void {
    this.wake()
    const now = this.#parts.clock.now()
    if (now < this.#sweepAt) return
    this.#sweepAt = addMs(now, SWEEP_EVERY_MS)
    this.#sweeping ??= this.#sweep(now).finally(() => {
      this.#sweeping = undefined
    })
  }

  async #look(): Promise<void> {
    const { database, clock } = this.#parts
    try {
      while (this.#lookAgain && !this.#closed && this.#held.size < JOBS_HELD_MAX) {
        this.#lookAgain = false
        const room = JOBS_HELD_MAX - this.#held.size
        const keys = await leaseJobs(database, this.#lease.runnerId, this.#lease.leaseMs, room, clock.now())
        const taken = keys
          .filter(({ jobId }) => !this.#held.has(jobId))
          .map((key) => ({ key, failures: 0, retry: null }))
        for (const job of taken) this.#held.set(job.key.jobId, job)
        this.#queue = [...taken, ...this.#queue] // first in line: a job starts soon after its acceptance
        this.#pump()
      }
    } catch (error) {
      this.#warn('population.lease_failed', error)
    }
  }

  #pump(): void {
    while (this.#working.size < CHUNKS_AT_ONCE && !this.#closed) {
      const job = this.#queue.shift()
      if (!job) return
      const work = this.#advance(job).finally(() => {
        this.#working.delete(work)
        this.#pump()
      })
      this.#working.add(work)
    }
  }

  async #advance(job: JobInHand): Promise<void> {
    const { clock, log, wake } = this.#parts
    try {
      const { state, planned } = await advanceJob(this.#parts, this.#lease, job.key)
      job.failures = 0
      if (planned.length > 0) wake(planned)
      if (state === 'unfinished') {
        this.#queue.push(job)
        return
      }
      if (state === 'finished') log.info(job.key, 'population.job_ended')
      this.#held.delete(job.key.jobId)
      this.wake() // the account's next job
    } catch (error) {
      job.failures += 1
      this.#warn('population.chunk_failed', error, { ...job.key, failures: job.failures })
      if (this.#closed) return
      const waitMs = Math.min(RETRY_MS_MAX, 50 * 2 ** job.failures)
      job.retry = clock.alarm(addMs(clock.now(), waitMs), () => {
        this.#queue.push(job)
        this.#pump()
      })
    }
  }

  async #renew(): Promise<void> {
    if (this.#held.size === 0) return
    try {
      await renewLeases(this.#parts.database, this.#lease.runnerId, this.#lease.leaseMs)
    } catch (error) {
      this.#warn('population.renewal_failed', error)
    }
  }

  async #sweep(now: Date): Promise<void> {
    const acceptedBefore = addMs(now, -JOB_KEPT_DAYS * 86_400_000)
    try {
      await deletePreviews(this.#parts.database, now)
      while (!this.#closed && (await deleteOld(this.#parts.database, acceptedBefore, SWEEP_ROWS)));
      this.#parts.log.info({}, 'population.swept')
    } catch (error) {
      this.#warn('population.sweep_failed', error)
    }
  }

  #warn(event: string, error: unknown, about: object = {}): void {
    this.#parts.log.warn({ ...about, error: String(error) }, event)
  }
}
