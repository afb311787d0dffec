/** The one clock that decisions read: the database's time. Tests move their own (`test/manual-clock.ts`). */
export interface Clock {
  now(): Date
  /** Runs `action` once, when this clock has reached `at` (at once, but not in this call, when it has passed). */
  alarm(at: Date, action: () => void): { cancel(): void }
}

/** Longest delay of one timer; later alarms are set again until they are due. */
const TIMER_MS_MAX = 60_000
/** A reading that took longer says too little about when it was taken. */
const ROUND_TRIP_MS_MAX = 500

/**
 * Database time advanced by the monotonic clock of this process: wall clocks of processes decide nothing
 * (`correct` is called with every reading of the database's time; until the first one it is the system's).
 */
export class DatabaseClock implements Clock {
  /** What the database's clock is ahead of the monotonic one; the system's until the first reading. */
  #aheadMs = Date.now() - performance.now()
  #isRead = false

  now(): Date {
    return new Date(performance.now() + this.#aheadMs)
  }

  /**
   * The database read its clock at some moment between `askedAt` and `answeredAt`. Only a reading that proves this clock
   * wrong moves it, and no further than it must: on a busy machine the middle of a slow round trip is off by half of it,
   * and a clock that swings by that makes retries early.
   * @param time the database's time · @param askedAt, answeredAt `performance.now()` around the query
   */
  correct(time: Date, askedAt: number, answeredAt: number): void {
    if (answeredAt - askedAt > ROUND_TRIP_MS_MAX) return
    const [leastMs, mostMs] = [time.getTime() - answeredAt, time.getTime() - askedAt]
    this.#aheadMs = this.#isRead ? Math.min(Math.max(this.#aheadMs, leastMs), mostMs) : (leastMs + mostMs) / 2
    this.#isRead = true
  }

  alarm(at: Date, action: () => void): { cancel(): void } {
    let timer: NodeJS.Timeout
    const arm = () => {
      const waitMs = at.getTime() - this.now().getTime()
      timer = waitMs > 0 ? setTimeout(arm, Math.min(Math.ceil(waitMs), TIMER_MS_MAX)) : setTimeout(action, 0)
    }
    arm()
    return { cancel: () => clearTimeout(timer) }
  }
}

export function addMs(moment: Date, ms: number): Date {
  return new Date(moment.getTime() + ms)
}
