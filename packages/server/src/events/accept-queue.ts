import { type Database, DatabaseUnavailable, isStorageFull } from '#src/adapters/postgres/database.ts'
import type { Failpoint } from '#src/delivery/failpoint.ts'
import { DomainError } from '#src/domain-error.ts'
import { EVENTS_PER_STATEMENT_MAX, type OwnWorkOf, type Wake } from './accept.ts'
import { type AcceptAnswer, type AcceptCall, acceptCalls, uidName } from './accept-store.ts'

type Waiting = { call: AcceptCall; resolve: (answer: AcceptAnswer) => void; reject: (error: unknown) => void }

/** Events waiting here beyond this are refused: the caller is told to come again. */
const WAITING_EVENTS_MAX = 20_000
const EVENTS_PER_COMMIT = 500
/** To set out for a statement costs as much as storing fifty events: beside one under way, fewer than fill one wait for its end, or so long. */
const GATHER_MS = 5
/** So long where this process has all it can do and several call: what comes in more slowly is sent and recorded the sooner. */
const BUSY_GATHER_MS = 10

/**
 * The one entrance of events by API. Concurrent calls share a statement and so a commit: a call waits for nobody when no
 * statement is under way, and else for its end, until another one is full, or for `GATHER_MS`; in a busy process for
 * `BUSY_GATHER_MS`, but who is alone.
 */
export class AcceptQueue {
  readonly #database: Database
  readonly #wake: Wake
  readonly #ownWork: OwnWorkOf
  readonly #now: () => Date
  readonly #statementsMax: number
  readonly #callMsMax: number
  readonly #isBusy: () => boolean
  readonly #onCommit: (events: number, seconds: number) => void
  readonly #failpoint: Failpoint
  #waiting: Waiting[] = []
  #waitingEvents = 0
  #statements = 0
  #scheduled = false
  #gathering: NodeJS.Timeout | undefined
  /** Some of what waits could not share the last statement, and waits for nothing more. */
  #isPassedOver = false
  /** Several calls had a share in the last statement. */
  #isShared = false

  constructor(parts: {
    accept: Database
    wake: Wake
    ownWork: OwnWorkOf
    now: () => Date
    statementsMax: number
    /** The longest that a call may take, waiting for a statement included. */
    callMsMax: number
    /** Whether this process has hardly a moment without something to do. */
    isBusy: () => boolean
    onCommit: (events: number, seconds: number) => void
    failpoint: Failpoint
  }) {
    this.#database = parts.accept
    this.#wake = parts.wake
    this.#ownWork = parts.ownWork
    this.#now = parts.now
    this.#statementsMax = parts.statementsMax
    this.#callMsMax = parts.callMsMax
    this.#isBusy = parts.isBusy
    this.#onCommit = parts.onCommit
    this.#failpoint = parts.failpoint
  }

  /**
   * Resolves after the commit of the call's events and of a delivery to each endpoint that wants them.
   * @throws DomainError rate_limited when too much is waiting; DatabaseUnavailable when nothing could be committed in
   *         time, or nobody knows whether it was: the caller repeats with the same key
   */
  async accept(call: AcceptCall): Promise<AcceptAnswer> {
    if (call.events.length > EVENTS_PER_STATEMENT_MAX) throw new RangeError('too many events for one call')
    if (this.#waitingEvents + call.events.length > WAITING_EVENTS_MAX) {
      throw new DomainError('rate_limited', 'Too many events are waiting to be stored.', { retryAfterSeconds: 1 })
    }
    const { promise, resolve, reject } = Promise.withResolvers<AcceptAnswer>()
    const waiting = { call, resolve, reject }
    this.#waiting.push(waiting)
    this.#waitingEvents += call.events.length
    this.#schedule()
    // behind statements that get no answer it would wait for them, and then as long again for its own
    const timer = setTimeout(() => this.#giveUp(waiting), this.#callMsMax)
    try {
      return await promise
    } finally {
      clearTimeout(timer)
    }
  }

  #giveUp(waiting: Waiting): void {
    const index = this.#waiting.indexOf(waiting)
    if (index >= 0) {
      this.#waiting.splice(index, 1)
      this.#waitingEvents -= waiting.call.events.length
    }
    waiting.reject(new DatabaseUnavailable('timed_out'))
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0 || this.#statements >= this.#statementsMax) return
    const isWhole = this.#waitingEvents >= EVENTS_PER_COMMIT || this.#isPassedOver
    const gatherMs = isWhole ? 0 : this.#gatherMs()
    if (gatherMs > 0) this.#gathering ??= setTimeout(() => this.#start(), gatherMs)
    else this.#start()
  }

  #gatherMs(): number {
    if (this.#isShared && this.#isBusy()) return BUSY_GATHER_MS
    return this.#statements > 0 ? GATHER_MS : 0
  }

  #start(): void {
    clearTimeout(this.#gathering)
    this.#gathering = undefined
    if (this.#scheduled || this.#statements >= this.#statementsMax) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      const batch = this.#take()
      if (batch.length === 0) return
      this.#statements += 1
      void this.#commit(batch).finally(() => {
        this.#statements -= 1
        this.#schedule()
      })
      this.#schedule()
    })
  }

  /** Takes what shares a statement: no key and no uid twice, so that the second of two meets what the first left. */
  #take(): Waiting[] {
    const taken: Waiting[] = []
    const left: Waiting[] = []
    const names = new Set<string>()
    let events = 0
    for (const waiting of this.#waiting) {
      const { call } = waiting
      const fits = taken.length === 0 || events + call.events.length <= EVENTS_PER_COMMIT
      const own = namesOf(call)
      if (!fits || own.some((name) => names.has(name))) {
        left.push(waiting)
        continue
      }
      for (const name of own) names.add(name)
      taken.push(waiting)
      events += call.events.length
    }
    this.#waiting = left
    this.#isPassedOver = left.length > 0
    this.#isShared = taken.length > 1
    this.#waitingEvents -= events
    return taken
  }

  async #commit(batch: Waiting[]): Promise<void> {
    const startedAt = performance.now()
    try {
      const calls = batch.map((waiting) => waiting.call)
      await this.#failpoint('accept.before_commit')
      const { answers, planned } = await acceptCalls(this.#database, calls, this.#now, this.#ownWork)
      await this.#failpoint('accept.after_commit')
      const events = calls.reduce((sum, call) => sum + call.events.length, 0)
      this.#onCommit(events, (performance.now() - startedAt) / 1000)
      this.#wake(planned)
      batch.forEach((waiting, index) => {
        const answer = answers[index]
        if (answer) waiting.resolve(answer)
        else waiting.reject(new Error('a call was left without an answer'))
      })
    } catch (error) {
      const reason = isStorageFull(error) ? new DomainError('storage_full', 'The data volume is full.') : error
      for (const waiting of batch) waiting.reject(reason)
    }
  }
}

function namesOf(call: AcceptCall): string[] {
  const names = new Set(call.events.flatMap((event) => (event.uid === undefined ? [] : [uidName(event)])))
  if (call.key) names.add(call.key.key.toString('base64'))
  return [...names]
}
