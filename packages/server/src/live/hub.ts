import type { Logger } from 'pino'
import type { Database } from '#src/adapters/postgres/database.ts'
import { reasonOf } from '#src/adapters/reason.ts'
import type { Snapshot } from './position.ts'
import { keepWatching, readChanged, readNow, trimChanges } from './store.ts'

const LOOK_MS = 150
const KEEP_WATCHING_MS = 60_000
const TRIM_MS = 30_000

/**
 * Tells the streams of this process when there is something new for them, whichever process has written it. It looks for the changes
 * of all their accounts at once, and not at all while there is no stream.
 */
export class LiveHub {
  readonly #database: Database
  readonly #log: Logger
  readonly #bells = new Map<string, Set<() => void>>()
  #timer: NodeJS.Timeout | undefined
  #round: Promise<void> | undefined
  #seen: Snapshot | null = null
  #watchedAtMs = Number.NEGATIVE_INFINITY
  #trimmedAtMs = Number.NEGATIVE_INFINITY
  #isFailing = false
  #closed = false

  /** @param database  role `worker` */
  constructor(parts: { database: Database; log: Logger }) {
    this.#database = parts.database
    this.#log = parts.log
  }

  /**
   * @param ring  called whenever the account may have changes that were not there before
   * @returns what ends it
   */
  listen(accountId: string, ring: () => void): () => void {
    const bells = this.#bells.get(accountId) ?? new Set()
    this.#bells.set(accountId, bells.add(ring))
    this.#again()
    return () => {
      bells.delete(ring)
      if (bells.size === 0 && this.#bells.get(accountId) === bells) this.#bells.delete(accountId)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#round
  }

  #again(): void {
    if (this.#closed || this.#timer !== undefined || this.#round) return
    if (this.#bells.size === 0) {
      this.#seen = null
      return
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#round = this.#look().finally(() => {
        this.#round = undefined
        this.#again()
      })
    }, LOOK_MS)
  }

  async #look(): Promise<void> {
    try {
      await this.#keep()
      if (this.#seen === null) {
        this.#seen = await readNow(this.#database)
        this.#ring([...this.#bells.keys()]) // what came before that they look for themselves
      } else {
        const asked = new Set(this.#bells.keys())
        const { accountIds, seen } = await readChanged(this.#database, [...asked], this.#seen)
        this.#seen = seen
        const joined = [...this.#bells.keys()].filter((id) => !asked.has(id)) // nobody has looked for them in between
        this.#ring([...accountIds, ...joined])
      }
      this.#isFailing = false
    } catch (error) {
      if (!this.#isFailing) this.#log.warn({ event: 'live.look_failed', reason: reasonOf(error) })
      this.#isFailing = true
    }
  }

  async #keep(): Promise<void> {
    const now = performance.now()
    if (now - this.#watchedAtMs >= KEEP_WATCHING_MS) {
      await keepWatching(this.#database, [...this.#bells.keys()])
      this.#watchedAtMs = now
    }
    if (now - this.#trimmedAtMs >= TRIM_MS) {
      await trimChanges(this.#database)
      this.#trimmedAtMs = now
    }
  }

  #ring(accountIds: readonly string[]): void {
    for (const accountId of accountIds) for (const ring of this.#bells.get(accountId) ?? []) ring()
  }
}
