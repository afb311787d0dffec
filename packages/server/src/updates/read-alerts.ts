import { addDays } from './calendar.ts'
import { ALERT_KINDS, type AlertKind, type FeedFailure, type NiprFeed, ReportBroken } from './feed/feed.ts'
import { retryDelayMs } from './feed/retry-schedule.ts'
import { type FeedParts, feedNow, type Pause } from './feed-parts.ts'
import type { Feed } from './feed-store.ts'
import type { LocalDate } from './local-date.ts'
import type { Run } from './run.ts'
import { addAlerted, holdRun, readReports, saveReport } from './run-store.ts'
import { OWED_DAYS_MAX, owedDays } from './schedule.ts'

/** What the alert reports of a run have come to. `covers`: the days of which it has read one. */
export type AlertsRead =
  | { kind: 'complete'; covers: LocalDate[] }
  | { kind: 'no_report' }
  | { kind: 'failing'; refused: boolean; cause: string }
  | { kind: 'lost' } // the run is somebody else's now

/** Somebody waits for a run of the sandbox. */
const SANDBOX_WAIT_MS_MAX = 200
/** Days that had no report are remembered for longer than any of them is asked for again. */
const KNOWN_DAYS = 2 * OWED_DAYS_MAX

/**
 * Asks for the alert reports that a run owes and has not read yet: those of its own day first, on which all depends. An
 * older day that fails stays owed and does not stop the run. Source: producersync-api 10, step 1.
 */
export async function readAlerts(
  parts: FeedParts,
  { feed, run, owner }: { feed: Feed; run: Run; owner: string },
  nipr: NiprFeed,
  pause: Pause,
  signal: AbortSignal,
): Promise<AlertsRead> {
  const known = await readReports(parts.database, feed.id, addDays(run.runDate, -KNOWN_DAYS))
  const calendar = parts.calendarOf(feed)
  const outcomes = new Map<AlertKind, 'report' | 'none'>()
  const covers = new Set<LocalDate>()

  const ask = async (kind: AlertKind, day: LocalDate): Promise<FeedFailure | 'lost' | null> => {
    const before = known.find((report) => report.kind === kind && report.day === day && report.runId === run.id)
    if (before?.outcome === 'report' || (before?.outcome === 'none' && day !== run.runDate)) {
      if (before.outcome === 'report') covers.add(day)
      if (day === run.runDate) outcomes.set(kind, before.outcome)
      return null
    }
    const answer = await readReport(parts, { feed, run, owner }, nipr, { kind, day }, pause, signal)
    if (answer === 'lost') return 'lost'
    if (answer.kind === 'failed') return answer
    if (answer.kind === 'report') covers.add(day)
    if (day === run.runDate) outcomes.set(kind, answer.kind === 'report' ? 'report' : 'none')
    return null
  }

  let failure: FeedFailure | null = null
  for (const kind of ALERT_KINDS) {
    const met = await ask(kind, run.runDate)
    if (met === 'lost') return { kind: 'lost' }
    failure ??= met
    if (met?.refused) break
  }
  if (failure) return { kind: 'failing', refused: failure.refused, cause: failure.cause }
  if (![...outcomes.values()].includes('report') && !run.fullRefresh) return { kind: 'no_report' }
  for (const kind of ALERT_KINDS) {
    for (const day of owedDays(kind, run.runDate, feed.owedFrom, known, calendar)) {
      if (day !== run.runDate && (await ask(kind, day)) === 'lost') return { kind: 'lost' }
    }
  }
  return { kind: 'complete', covers: [...covers].sort() }
}

async function readReport(
  parts: FeedParts,
  { feed, run, owner }: { feed: Feed; run: Run; owner: string },
  nipr: NiprFeed,
  { kind, day }: { kind: AlertKind; day: LocalDate },
  pause: Pause,
  signal: AbortSignal,
): Promise<{ kind: 'report' | 'no_report' } | FeedFailure | 'lost'> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await attemptReport(parts, run, nipr, { kind, day }, signal)
    if (answer.kind === 'failed') {
      parts.log.warn({ event: 'run.alerts_failed', runId: run.id, kind, day, attempt, cause: answer.cause })
      const waitMs = retryDelayMs(answer, attempt, parts.random())
      if (waitMs === undefined) return answer
      await pause(run.trigger === 'sandbox' ? Math.min(waitMs, SANDBOX_WAIT_MS_MAX) : waitMs, signal)
      continue
    }
    const saved = await parts.database.transaction({}, async (tx) => {
      if (!(await holdRun(tx, run.id, owner))) return false
      const outcome = answer.kind === 'report' ? 'report' : 'none'
      await saveReport(tx, run, { kind, day, outcome }, feedNow(parts, feed))
      return true
    })
    return saved ? answer : 'lost'
  }
}

/** The NPNs of a report that breaks off stay in the work list: reading a producer who has not changed harms nothing. */
async function attemptReport(
  parts: FeedParts,
  run: Run,
  nipr: NiprFeed,
  { kind, day }: { kind: AlertKind; day: LocalDate },
  signal: AbortSignal,
): Promise<{ kind: 'report' | 'no_report' } | FeedFailure> {
  const answer = await nipr.alerts(kind, day, signal)
  if (answer.kind !== 'report') return answer
  try {
    for await (const npns of answer.npns) await addAlerted(parts.database, run, npns)
    return { kind: 'report' }
  } catch (error) {
    if (error instanceof ReportBroken) return error.failure
    throw error
  }
}
