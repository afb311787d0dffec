import type { Logger } from 'pino'
import type { Database } from '#src/adapters/postgres/database.ts'
import { reasonOf } from '#src/adapters/reason.ts'
import type { OwnWorkOf, PlannedDelivery } from '#src/events/accept.ts'
import type { LaneHint, LaneName } from './lanes.ts'
import type { DeliveryWorker } from './worker.ts'

/**
 * The channel of hints to other processes: `shard account endpoint`, and `new` behind it where the endpoint has not changed; several
 * separated by commas. Of releases that say nothing of changes, each hint may be of one.
 */
export const WAKE_CHANNEL = 'psapi_wake'
/** PostgreSQL takes less than 8,000 bytes. */
const LANES_PER_HINT = 100

/**
 * Tells the owners of lanes that something new is pending: this process from memory, the others by a hint. Hints are
 * gathered, sent outside any commit, and may be lost: the owners look for themselves within seconds.
 */
export class Waker {
  readonly #database: Database
  readonly #worker: DeliveryWorker | null
  readonly #log: Logger
  #hints = new Map<string, LaneHint>()
  #sending = false

  constructor(parts: { database: Database; worker: DeliveryWorker | null; log: Logger }) {
    this.#database = parts.database
    this.#worker = parts.worker
    this.#log = parts.log
  }

  /** Committed deliveries, with their payloads. */
  readonly deliveries = (planned: readonly PlannedDelivery[]): void => {
    const foreign = this.#worker ? this.#worker.take(planned) : planned
    this.#tellOthers(foreign.map((name) => hintAt(name, false)))
  }

  readonly ownWork: OwnWorkOf = (events) => this.#worker?.ownWork(events) ?? null

  /** Lanes in which something new is pending, or whose endpoint has changed. */
  readonly lanes = (names: readonly LaneName[]): void => {
    const hints = names.map((name) => hintAt(name, true))
    this.#worker?.hint(hints)
    this.#tellOthers(hints.filter(({ shard }) => !this.#worker?.ownership.takes(shard)))
  }

  #tellOthers(hints: readonly LaneHint[]): void {
    for (const hint of hints) {
      const waiting = this.#hints.get(hint.endpointId)
      this.#hints.set(hint.endpointId, { ...hint, isChanged: hint.isChanged || waiting?.isChanged === true })
    }
    if (this.#sending || this.#hints.size === 0) return
    this.#sending = true
    setImmediate(() => {
      void this.#send().finally(() => {
        this.#sending = false
        this.#tellOthers([])
      })
    })
  }

  async #send(): Promise<void> {
    const hints = [...this.#hints.values()].slice(0, LANES_PER_HINT)
    for (const { endpointId } of hints) this.#hints.delete(endpointId)
    try {
      await this.#database.query`select pg_notify(${WAKE_CHANNEL}, ${writeHints(hints)})`
    } catch (error) {
      this.#log.warn({ event: 'delivery.hint_failed', reason: reasonOf(error) })
    }
  }
}

function hintAt({ accountId, endpointId, shard }: LaneName, isChanged: boolean): LaneHint {
  return { accountId, endpointId, shard, isChanged }
}

const UNCHANGED = 'new'

export function writeHints(hints: readonly LaneHint[]): string {
  return hints
    .map(({ shard, accountId, endpointId, isChanged }) =>
      [shard, accountId, endpointId, ...(isChanged ? [] : [UNCHANGED])].join(' '),
    )
    .join(',')
}

/** What cannot be read is left out. */
export function parseHints(text: string): LaneHint[] {
  return text.split(',').flatMap((part) => {
    const [shard, accountId, endpointId, change] = part.split(' ')
    const number = Number(shard)
    if (!accountId || !endpointId || !Number.isInteger(number)) return []
    return [{ shard: number, accountId, endpointId, isChanged: change !== UNCHANGED }]
  })
}
