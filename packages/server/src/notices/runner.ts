import type { Logger } from 'pino'
import type { Environment } from '#src/accounts/principal.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { reasonOf } from '#src/adapters/reason.ts'
import { resolveIssues } from '#src/issues/store.ts'
import type { Calendar } from '#src/updates/schedule.ts'
import { readLateSignals } from './late-signals.ts'
import { type SendParts, sendNotice } from './send.ts'
import { type DueNotice, planNotices, recordSent, takeDue } from './store.ts'

export type NoticeParts = Omit<SendParts, 'signal' | 'clock'> & {
  database: Database // role `worker`
  clock: Clock
  ids: IdSource
  calendarOf: (feed: { environment: Environment }) => Calendar
  log: Pick<Logger, 'info' | 'warn'>
}

/** How late people are told, beside the sending. */
const POLL_MS = 2_000
/** An issue is resolved once nothing has failed so for this long, and something was delivered since. */
const QUIET_MS = 600_000
const ISSUES_PER_LOOK = 500
const AT_ONCE = 10
const LEASE_MS = 60_000
/** Waits after each try that failed; a test is tried once. */
const WAITS_MS: readonly number[] = [10_000, 60_000, 600_000, 3_600_000]

/**
 * Finds out which issues are over, and tells people what they asked to be told. Looks by itself, on real time; any number of
 * processes may do it at once: each notice is a row that one of them holds while it sends.
 */
export class NoticeRunner {
  readonly #parts: NoticeParts
  readonly #abort = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | null = null
  #lookAgain = false

  constructor(parts: NoticeParts) {
    this.#parts = parts
  }

  start(): void {
    this.#timer = setInterval(() => this.wake(), POLL_MS)
  }

  /** Something may be to be told. */
  wake(): void {
    if (this.#abort.signal.aborted) return
    this.#lookAgain = true
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null
    })
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#abort.abort()
    await this.#looking
  }

  /** Looks now, and resolves when all that was due has been tried. */
  async settled(): Promise<void> {
    this.wake()
    while (this.#looking) await this.#looking
  }

  async #look(): Promise<void> {
    const { database, clock, ids, calendarOf, log } = this.#parts
    try {
      while (this.#lookAgain && !this.#abort.signal.aborted) {
        this.#lookAgain = false
        await resolveIssues(database, clock.now(), QUIET_MS, ISSUES_PER_LOOK)
        const late = await readLateSignals(database, calendarOf, clock.now())
        await planNotices(database, ids, late, clock.now())
        await this.#sendDue()
      }
    } catch (error) {
      log.warn({ event: 'notices.failed', reason: reasonOf(error) })
    }
  }

  async #sendDue(): Promise<void> {
    const { database, clock } = this.#parts
    while (!this.#abort.signal.aborted) {
      const due = await takeDue(database, clock.now(), LEASE_MS, AT_ONCE)
      await Promise.all(due.map((notice) => this.#send(notice)))
      if (due.length < AT_ONCE) return
    }
  }

  async #send(notice: DueNotice): Promise<void> {
    const { database, clock, log } = this.#parts
    const failure = await this.#try(notice)
    if (failure !== null && this.#abort.signal.aborted) return // tried again when the lease is over
    const now = clock.now()
    const waitMs = notice.details.rule === 'test' ? undefined : WAITS_MS[notice.attempts - 1]
    const dueAt = failure === null || waitMs === undefined ? null : addMs(now, waitMs)
    await recordSent(database, notice, { failure, dueAt }, now)
    log.info({ event: 'notice.tried', noticeId: notice.id, channelId: notice.channelId, sent: failure === null })
  }

  async #try(notice: DueNotice): Promise<string | null> {
    try {
      return await sendNotice(notice, { ...this.#parts, signal: this.#abort.signal })
    } catch (error) {
      this.#parts.log.warn({ event: 'notice.broken', noticeId: notice.id, reason: reasonOf(error) })
      return 'It could not be sent.'
    }
  }
}
