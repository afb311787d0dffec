import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds of a process, whatever the service's clock says. */
export type PaceTime = { now(): number; wait(ms: number, signal: AbortSignal): Promise<unknown> }

/** Between two reports, of all runs of the process, while its API is read: 100 a second. */
const REPORT_EVERY_MS = 10
/** A read says for so long that there are more to come. */
const READ_MS = 1_000

const PROCESS_TIME: PaceTime = {
  now: () => performance.now(),
  wait: (ms, signal) => sleep(ms, undefined, { signal }),
}

/**
 * How fast the runs of a process ask for reports: as fast as they are answered, but evenly and slowly while the same process
 * answers reads of producers' data, which would else wait behind the reports. A run has all day.
 */
export class Pace {
  readonly #time: PaceTime
  #readAt = Number.NEGATIVE_INFINITY
  #nextReportAt = Number.NEGATIVE_INFINITY

  constructor(time: PaceTime = PROCESS_TIME) {
    this.#time = time
  }

  /** Somebody reads. */
  noteRead(): void {
    this.#readAt = this.#time.now()
  }

  /** Is somebody reading? */
  get isShared(): boolean {
    return this.#time.now() - this.#readAt <= READ_MS
  }

  /** Resolves when one more report may be asked for. @throws AbortError */
  async report(signal: AbortSignal): Promise<void> {
    if (!this.isShared) return
    const now = this.#time.now()
    const at = Math.max(now, this.#nextReportAt)
    this.#nextReportAt = at + REPORT_EVERY_MS
    if (at > now) await this.#time.wait(at - now, signal)
  }
}
