import type { Clock } from '#src/adapters/clock.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { DomainError } from '#src/domain-error.ts'

export type IntakeLimits = { eventsPerSecond: number; burstSeconds: number; bytesPerSecond: number; pendingMax: number }

export const INTAKE_LIMITS: IntakeLimits = {
  eventsPerSecond: 1_000,
  burstSeconds: 5,
  bytesPerSecond: 10 * 1024 * 1024,
  pendingMax: 1_000_000,
}

type Usage = {
  events: number
  bytes: number
  filledAtMs: number
  sinceCount: number
  isFull: boolean
  countedAtMs: number
  counting: boolean
}

/** A busy account's pending deliveries are counted after this many events, and while they are too many every few seconds. */
const EVENTS_PER_COUNT = 10_000
const RECOUNT_MS = 3_000
const ACCOUNTS_MAX = 10_000

/**
 * How much an account may send in by API, so that one cannot use up the service for the others: events and bytes a second
 * with a burst, and pending deliveries. Population changes and announcements are neither counted nor refused.
 */
export class Intake {
  readonly #limits: IntakeLimits
  readonly #clock: Clock
  readonly #database: Database
  readonly #usages = new Map<string, Usage>()

  /** @param database  of role `accept` */
  constructor(parts: { limits: IntakeLimits; clock: Clock; database: Database }) {
    this.#limits = parts.limits
    this.#clock = parts.clock
    this.#database = parts.database
  }

  /** @throws DomainError rate_limited, nothing counted */
  admit(accountId: string, events: number, bytes: number): void {
    const nowMs = this.#clock.now().getTime()
    const usage = this.#usageOf(accountId, nowMs)
    this.#fill(usage, nowMs)
    if (usage.isFull) {
      if (nowMs - usage.countedAtMs > RECOUNT_MS) this.#count(accountId, usage, nowMs)
      throw new DomainError('rate_limited', 'Too many deliveries of this application are pending.', {
        retryAfterSeconds: 5,
      })
    }
    // a call larger than the burst may pass when nothing else is counted against the account: it could never otherwise
    if (usage.events < Math.min(events, this.#eventsMax) || usage.bytes < Math.min(bytes, this.#bytesMax)) {
      throw new DomainError('rate_limited', 'This application sends events too fast.', { retryAfterSeconds: 1 })
    }
    usage.events -= events
    usage.bytes -= bytes
    usage.sinceCount += events
    if (usage.sinceCount >= EVENTS_PER_COUNT) this.#count(accountId, usage, nowMs)
  }

  get #eventsMax(): number {
    return this.#limits.eventsPerSecond * this.#limits.burstSeconds
  }

  get #bytesMax(): number {
    return this.#limits.bytesPerSecond * this.#limits.burstSeconds
  }

  #usageOf(accountId: string, nowMs: number): Usage {
    const known = this.#usages.get(accountId)
    if (known) return known
    const oldest = this.#usages.keys().next()
    if (this.#usages.size >= ACCOUNTS_MAX && !oldest.done) this.#usages.delete(oldest.value)
    const usage = {
      events: this.#eventsMax,
      bytes: this.#bytesMax,
      filledAtMs: nowMs,
      sinceCount: 0,
      isFull: false,
      countedAtMs: 0,
      counting: false,
    }
    this.#usages.set(accountId, usage)
    return usage
  }

  #fill(usage: Usage, nowMs: number): void {
    const seconds = Math.max(0, nowMs - usage.filledAtMs) / 1000
    usage.filledAtMs = nowMs
    usage.events = Math.min(this.#eventsMax, usage.events + seconds * this.#limits.eventsPerSecond)
    usage.bytes = Math.min(this.#bytesMax, usage.bytes + seconds * this.#limits.bytesPerSecond)
  }

  /** Counts in the background, and no further than the limit. */
  #count(accountId: string, usage: Usage, nowMs: number): void {
    if (usage.counting) return
    usage.counting = true
    usage.sinceCount = 0
    usage.countedAtMs = nowMs
    const limit = this.#limits.pendingMax
    this.#database.query<{ pending: number }>`
        select count(*)::int as pending from (select from pending where account_id = ${accountId} limit ${limit}) as bounded`
      .then(([row]) => {
        usage.isFull = (row?.pending ?? 0) >= limit
      })
      .catch(() => undefined) // as it was known: the next count corrects it
      .finally(() => {
        usage.counting = false
      })
  }
}
