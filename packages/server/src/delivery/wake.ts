import type { Logger } from 'pino'
import type { Database } from '#src/adapters/postgres/database.ts'
import { reasonOf } from '#src/adapters/reason.ts'
import type { PlannedDelivery } from '#src/events/accept.ts'
import type { LaneName } from './lanes.ts'
import type { DeliveryWorker } from './worker.ts'

/** The channel of hints to other processes: `shard account endpoint`, several separated by commas. */
export const WAKE_CHANNEL = 'psapi_wake'
/** PostgreSQL takes less than 8,000 bytes. */
const NAMES_PER_HINT = 100

/**
 * Tells the owners of lanes that something new is pending: this process from memory, the others by a hint. Hints are
 * gathered, sent outside any commit, and may be lost: the owners look for themselves within seconds.
 */
export class Waker {
  readonly #database: Database
  readonly #worker: DeliveryWorker | null
  readonly #log: Logger
  #names = new Map<string, LaneName>()
  #sending = false

  constructor(parts: { database: Database; worker: DeliveryWorker | null; log: Logger }) {
    this.#database = parts.database
    this.#worker = parts.worker
    this.#log = parts.log
  }

  /** Committed deliveries, with their payloads. */
  readonly deliveries = (planned: readonly PlannedDelivery[]): void => {
    this.#tellOthers(this.#worker ? this.#worker.take(planned) : planned)
  }

  /** Lanes in which something new is pending, or whose endpoint has changed. */
  readonly lanes = (names: readonly LaneName[]): void => {
    this.#worker?.hint(names, true)
    this.#tellOthers(names.filter((name) => !this.#worker?.ownership.takes(name.shard)))
  }

  #tellOthers(names: readonly LaneName[]): void {
    for (const { accountId, endpointId, shard } of names) this.#names.set(endpointId, { accountId, endpointId, shard })
    if (this.#sending || this.#names.size === 0) return
    this.#sending = true
    setImmediate(() => {
      void this.#send().finally(() => {
        this.#sending = false
        this.#tellOthers([])
      })
    })
  }

  async #send(): Promise<void> {
    const names = [...this.#names.values()].slice(0, NAMES_PER_HINT)
    for (const name of names) this.#names.delete(name.endpointId)
    const hint = names.map((name) => `${name.shard} ${name.accountId} ${name.endpointId}`).join(',')
    try {
      await this.#database.query`select pg_notify(${WAKE_CHANNEL}, ${hint})`
    } catch (error) {
      this.#log.warn({ event: 'delivery.hint_failed', reason: reasonOf(error) })
    }
  }
}

/** Reads a hint; what cannot be read is left out. */
export function parseHint(hint: string): LaneName[] {
  return hint.split(',').flatMap((part) => {
    const [shard, accountId, endpointId] = part.split(' ')
    const number = Number(shard)
    return accountId && endpointId && Number.isInteger(number) ? [{ shard: number, accountId, endpointId }] : []
  })
}
