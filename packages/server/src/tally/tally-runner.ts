import type { Logger } from 'pino'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { reasonOf } from '#src/adapters/reason.ts'
import { noteOccurrences } from '#src/occurrences/make.ts'
import { FIVE_MS, HOUR_MS } from './covered.ts'
import { coverUntil, endOf, markUntil, purgeFives, sumHour, takeStretch, tally } from './tally-store.ts'

/**
 * Attempts are counted so long after the time in their ids: they may take 30 s, and are then written or, at the end of their
 * worker's lease, forgotten.
 */
const BEHIND_MS = 120_000
/** Five minutes at 9,000 deliveries a second took more than one; a stretch that is never counted would hold up all that follow. */
const STRETCH_MS_MAX = 600_000
const ROWS_PER_PURGE = 5_000
const PURGES_MAX = 20
const LOOK_MS = 30_000

/**
 * Counts what has been attempted, and notes where values occur in it: every five minutes, and as fast as the database goes where
 * there is more to catch up with. A stretch is one transaction. Any number of processes may do it; one at a time does.
 */
export class TallyRunner {
  readonly #database: Database
  readonly #clock: Clock
  readonly #log: Pick<Logger, 'warn'>
  #timer: NodeJS.Timeout | undefined
  #round: Promise<void> | undefined
  #closed = false

  /** @param database  role `worker` */
  constructor(parts: { database: Database; clock: Clock; log: Pick<Logger, 'warn'> }) {
    this.#database = parts.database
    this.#clock = parts.clock
    this.#log = parts.log
  }

  /** The timer is a real one, whatever `clock` says: it only looks whether there is something to count. */
  start(): void {
    this.#timer = setInterval(() => this.look(), LOOK_MS)
    this.look()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    await this.#round
  }

  /** Resolves when the round under way has ended. */
  async settled(): Promise<void> {
    await this.#round
  }

  /** Counts all that there is to count. */
  look(): void {
    if (this.#closed) return
    this.#round ??= this.#work().finally(() => {
      this.#round = undefined
    })
  }

  async #work(): Promise<void> {
    try {
      const now = this.#clock.now()
      await markUntil(this.#database, countedUntil(now))
      while (!this.#closed && (await this.#countNext(now)));
      for (let purges = 0; purges < PURGES_MAX && !this.#closed; purges += 1) {
        if ((await purgeFives(this.#database, now, ROWS_PER_PURGE)) < ROWS_PER_PURGE) break
      }
    } catch (error) {
      this.#log.warn({ event: 'tally.failed', reason: reasonOf(error) })
    }
  }

  async #countNext(now: Date): Promise<boolean> {
    return await this.#database.transaction({ timeoutMs: STRETCH_MS_MAX }, async (tx) => {
      const taken = await takeStretch(tx, now)
      if (!taken) return false
      const { stretch, coversFrom } = taken
      const until = endOf(stretch)
      await tally(tx, stretch)
      await noteOccurrences(tx, { from: stretch.from, until }, now)
      const hour = addMs(until, -HOUR_MS)
      if (stretch.minutes === 5 && until.getTime() % HOUR_MS === 0 && hour >= coversFrom) await sumHour(tx, hour)
      await coverUntil(tx, until)
      return true
    })
  }
}

function countedUntil(now: Date): Date {
  return new Date(Math.floor((now.getTime() - BEHIND_MS) / FIVE_MS) * FIVE_MS)
}
