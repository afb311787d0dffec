import { addMs, type Clock } from '#src/adapters/clock.ts'

type Alarm = { atMs: number; action: () => void }

/**
 * A clock that stands still until a test moves it. Alarms fire in the order of their moments (equal ones in the order
 * of their setting), each with `now()` at exactly its moment; an alarm set by one that fires takes part when it is due.
 */
export class ManualClock implements Clock {
  #nowMs: number
  /** In the order of setting; few at a time in a test. */
  readonly #alarms = new Set<Alarm>()

  /** @param start RFC 3339 text or a date */
  constructor(start: string | Date = '2026-01-01T00:00:00.000Z') {
    this.#nowMs = new Date(start).getTime()
  }

  now(): Date {
    return new Date(this.#nowMs)
  }

  alarm(at: Date, action: () => void): { cancel(): void } {
    const alarm = { atMs: at.getTime(), action }
    this.#alarms.add(alarm)
    if (alarm.atMs <= this.#nowMs) setImmediate(() => this.#fire(alarm))
    return { cancel: () => void this.#alarms.delete(alarm) }
  }

  /** The moment of the next alarm: a test that lets work settle in between advances from one to the next. */
  get nextAlarmAt(): Date | undefined {
    const next = this.#next()
    return next && new Date(next.atMs)
  }

  /** How many alarms are set. */
  get alarms(): number {
    return this.#alarms.size
  }

  /** Moves forward to `at` and fires, in this call, every alarm due until then. Never moves back. */
  advanceTo(at: Date | string): void {
    const untilMs = new Date(at).getTime()
    for (let next = this.#next(); next && next.atMs <= untilMs; next = this.#next()) {
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      this.#fire(next)
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs)
  }

  advanceMs(ms: number): void {
    this.advanceTo(addMs(this.now(), ms))
  }

  #next(): Alarm | undefined {
    let first: Alarm | undefined
    for (const alarm of this.#alarms) if (!first || alarm.atMs < first.atMs) first = alarm
    return first
  }

  #fire(alarm: Alarm): void {
    if (this.#alarms.delete(alarm)) alarm.action()
  }
}
