import type { Breach, Measured, Rule, Verdict } from './check.ts'
import { commitOf } from './commit.ts'
import type { Delivery } from './deliveries.ts'
import { max, percentile } from './figures.ts'
import type { History } from './history.ts'
import type { Ledger } from './ledger.ts'
import type { FaultKind, Options, Skipped } from './options.ts'
import { RETRY_SCHEDULE_S, TIMEOUT_MS } from './world.ts'

export type Broken = { promise: string; detail: string }

/** What the rig prints: the keys of reliability-security 16, and some of its own. */
export type Report = {
  command: 'chaos'
  ok: boolean
  seed: number
  durationS: number
  commit: string
  node: string
  postgres: string | null
  broken: Broken[]
  skipped: readonly Skipped[]
  error: string | null
  [figure: string]: unknown
}

export type RunEvidence = {
  verdict: Verdict
  ledger: Ledger
  history: History
  /** Each: from the database's return to the first delivery of what was accepted after it. */
  databaseRecoveriesMs: number[]
  drainMs: number
  postgres: string
  /** The longest stall of the rig itself, which blurs what it measures. */
  rigStallMs: number
  /** The longest that a process of the service waited for a processor within two seconds. */
  starvedMs: number
}

const PROMISES: Record<Rule, string> = {
  lost: 'P1',
  doubledEvents: 'P10',
  repeated: 'P4',
  unexcused: 'P4',
  foreign: 'P1',
  stranded: 'P5',
  early: 'P7',
  late: 'P7',
  overlaps: 'P6',
  staleWrites: 'P6',
  badSignatures: 'P3',
  bodyMismatches: 'P3',
}
const TAKEOVER_P99_MS = 10_000
const DATABASE_RECOVERY_P99_MS = 5_000
const REFUSAL_P99_MS = 2_000
/**
 * A rig that stands still for longer has no processor to itself, and neither has the service: when something was seen says little
 * of when it was. What is lost, doubled, altered or written late is judged in any case.
 */
const STALL_MS_MAX = 500
const STARVED_MS_MAX = 1_000
/** A stop has ended by the deadline of the attempts that had started, and 2 s. */
const STOP_MS = TIMEOUT_MS + 2_000
const TIMED: readonly string[] = ['early', 'late', 'overlaps', 'repeated', 'unexcused', 'stranded'] satisfies Rule[]
const EXAMPLES = 3
/** Worth to be looked into, whether or not a promise is broken. */
const SLOW_MS = 8_000

export function reportRun(options: Options, evidence: RunEvidence): Report {
  const { verdict, ledger, history } = evidence
  const { calls } = ledger
  const takeoversMs = verdict.takeovers.map(({ ms }) => ms)
  const faults = Object.fromEntries(options.faults.map((kind) => [kind, doneOf(history, kind)]))
  const { rigStallMs, starvedMs } = evidence
  // a planted bug is to be seen in any case
  const isTimed = (rigStallMs <= STALL_MS_MAX && starvedMs <= STARVED_MS_MAX) || options.break !== null
  const broken = brokenOf(evidence, isTimed)
  const missing = options.faults.filter((kind) => faults[kind] === 0)
  const skipped = [
    ...options.skipped,
    ...missing.map((part) => ({ part, reason: 'no time was left for it' })),
    ...(history.idleCuts > 0
      ? [{ part: 'power-cut', reason: `after ${history.idleCuts} cuts nothing was missing that had not been synced` }]
      : []),
    ...(isTimed
      ? []
      : [
          {
            part: 'times',
            reason: `the rig stood still for ${rigStallMs} ms, the service waited ${starvedMs} ms for a processor: when something was seen says nothing`,
          },
        ]),
  ]
  return {
    ...headOf({ ...options, skipped }, broken),
    postgres: evidence.postgres,
    accepted: ledger.acknowledged,
    refused: calls.refused,
    delivered: verdict.delivered,
    deadLettered: verdict.deadLettered,
    pending: verdict.pending,
    ...Object.fromEntries(Object.keys(PROMISES).map((rule) => [rule, countOf(verdict, rule)])),
    duplicates: verdict.duplicates,
    duplicatesBound: verdict.duplicatesBound,
    lateInFault: verdict.lateInFault.length,
    lateInFaultMaxMs: max(verdict.lateInFault.map(({ ms }) => ms)),
    overlapsFrozen: verdict.overlapsFrozen,
    staleRefused: history.staleRefused,
    takeoverP50Ms: percentile(takeoversMs, 0.5),
    takeoverP99Ms: percentile(takeoversMs, 0.99),
    takeoverMaxMs: max(takeoversMs),
    takeovers: takeoversMs.length,
    dbRecoveryP99Ms: percentile(evidence.databaseRecoveriesMs, 0.99),
    acceptP99Ms: percentile(calls.acceptMs, 0.99),
    refusalP99Ms: percentile(calls.refusalMs, 0.99),
    hangs: calls.hangs,
    faults,
    acceptMaxMs: max(calls.acceptMs),
    refusalMaxMs: max(calls.refusalMs),
    attempts: verdict.attempts,
    unanswered: calls.unanswered,
    crashes: history.crashes.length,
    leaseLosses: history.losses.filter(({ how }) => how === 'lease').length,
    stopMaxMs: max(history.stops.map(({ afterMs }) => afterMs)),
    earliestRetryMs: verdict.earliestMs,
    drainMs: Math.round(evidence.drainMs),
    rigStallMs,
    starvedMs,
    complaints: Object.fromEntries(history.complaints),
  }
}

/** A run that did not come to its end. */
export function reportFailure(options: Options, error: string, broken: Broken[] = []): Report {
  return { ...headOf(options, broken), postgres: null, error, ok: false }
}

/** 0: all promises held · 1: one is broken · 2: could not run, or a part that was asked for was skipped. */
export function exitCodeOf({ broken, skipped, error }: Report): number {
  if (broken.length > 0) return 1
  return error !== null || skipped.length > 0 ? 2 : 0
}

export function table(report: object): string {
  const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
  const width = Math.max(...Object.keys(report).map((name) => name.length))
  return Object.entries(report)
    .map(([name, value]) => `${name.padEnd(width)}  ${shown(value)}\n`)
    .join('')
}

/** Some deliveries of each broken rule, and those that waited longest, with all that is known of them. */
export function explain({ breaches, takeovers, lateInFault }: Verdict): string {
  const shown = [...Map.groupBy(breaches, ({ rule }) => rule).values()].flatMap((same) => same.slice(0, EXAMPLES))
  return [...shown.map(story), ...slowest(takeovers, 'takeover'), ...slowest(lateInFault, 'late near a fault')].join('')
}

function slowest(measured: readonly Measured[], what: string): string[] {
  const slow = measured.filter(({ ms }) => ms > SLOW_MS).toSorted((a, b) => b.ms - a.ms)
  return slow
    .slice(0, EXAMPLES)
    .map(
      ({ ms, delivery }) =>
        `${what}: ${Math.round(ms)} ms, ${delivery.uid} at endpoint ${delivery.endpoint}\n${storyOf(delivery)}`,
    )
}

function story({ rule, subject, detail, delivery }: Breach): string {
  return `${rule}: ${subject}: ${detail}\n${delivery ? storyOf(delivery) : ''}`
}

function storyOf({ requests, rows, pending, createdAtMs }: Delivery): string {
  const entries = [
    ...(createdAtMs === null ? [] : [{ atMs: createdAtMs, text: 'accepted' }]),
    ...requests.map(({ line, row }) => ({
      atMs: line.beginMs,
      text: `request by ${line.connection.owner ?? 'unknown'}: ${line.status || 'no answer'}, open for ${Math.round((line.endMs ?? line.beginMs) - line.beginMs)} ms${row ? '' : ', never recorded'}`,
    })),
    ...rows.map((row) => ({
      atMs: row.startedAtMs,
      text: `row of attempt ${row.number}: ${row.outcome} ${row.status} in ${row.durationMs} ms, ${row.state}`,
    })),
    ...pending.map((row) => ({
      atMs: Number.POSITIVE_INFINITY,
      text: `pending after ${row.attemptsMade} attempts, overdue by ${Math.round(row.overdueMs)} ms, ${row.owned ? 'owned' : 'not owned'}`,
    })),
  ]
  return entries
    .toSorted((a, b) => a.atMs - b.atMs)
    .map(
      ({ atMs, text }) =>
        `    ${Number.isFinite(atMs) ? (atMs / 1_000).toFixed(3).padStart(9) : '         '} ${text}\n`,
    )
    .join('')
}

function headOf(options: Options, broken: Broken[]): Report {
  return {
    command: 'chaos',
    ok: broken.length === 0 && options.skipped.length === 0,
    seed: options.seed,
    durationS: options.durationS,
    commit: commitOf(),
    node: process.version,
    postgres: null,
    broken,
    skipped: options.skipped,
    error: null,
    break: options.break,
    workers: options.workers,
    events: options.events,
    accounts: options.accounts,
    endpoints: options.endpoints,
    retrySchedule: RETRY_SCHEDULE_S,
    timeoutMs: TIMEOUT_MS,
  }
}

/** @param isTimed  when something happened was seen in time */
function brokenOf(evidence: RunEvidence, isTimed: boolean): Broken[] {
  const { verdict, ledger, history, databaseRecoveriesMs } = evidence
  const { calls } = ledger
  const takeoverMs = percentile(
    verdict.takeovers.map(({ ms }) => ms),
    0.99,
  )
  const recoveryMs = percentile(databaseRecoveriesMs, 0.99)
  const refusalMs = percentile(calls.refusalMs, 0.99)
  const unacknowledged = ledger.publications.size - ledger.acknowledged
  // without an exit code it was killed, as it took too long
  const badStops = history.stops.filter(
    ({ exitCode, afterMs }) => (exitCode !== 0 && (isTimed || exitCode !== null)) || (isTimed && afterMs > STOP_MS),
  )
  const complaints = [...history.complaints.keys()].filter((event) => isTimed || event !== 'service.stop_late')
  const rules = Object.entries(PROMISES).flatMap(([rule, promise]): Broken[] => {
    const found = verdict.breaches.filter((breach) => breach.rule === rule && (isTimed || !TIMED.includes(rule)))
    const examples = found.slice(0, EXAMPLES).map(({ subject, detail }) => `${subject}: ${detail}`)
    return found.length === 0 ? [] : [{ promise, detail: `${rule} ${found.length}: ${examples.join('; ')}` }]
  })
  const when = (isBroken: boolean, promise: string, detail: string) => (isBroken ? [{ promise, detail }] : [])
  return [
    ...rules,
    ...when(
      isTimed && verdict.duplicates > verdict.duplicatesBound,
      'P4',
      `duplicates ${verdict.duplicates}, bound ${verdict.duplicatesBound}`,
    ),
    ...when(isTimed && takeoverMs > TAKEOVER_P99_MS, 'P5', `takeover p99 ${takeoverMs} ms`),
    ...when(
      isTimed && recoveryMs > DATABASE_RECOVERY_P99_MS,
      'F07',
      `first delivery ${recoveryMs} ms after the database was back`,
    ),
    ...when(isTimed && refusalMs > REFUSAL_P99_MS, 'F07', `refusal p99 ${refusalMs} ms`),
    ...when(isTimed && calls.hangs > 0, 'F07', `${calls.hangs} calls without an answer for more than 2 s`),
    ...when(calls.unexpected.length > 0, 'F07', `unexpected answers: ${summary(calls.unexpected)}`),
    ...when(isTimed && unacknowledged > 0, 'P10', `${unacknowledged} events were never acknowledged`),
    ...when(history.crashes.length > 0, 'F08', `processes ended by themselves: ${history.crashes.join(', ')}`),
    ...when(
      badStops.length > 0,
      'F06',
      badStops
        .map(({ owner, exitCode, afterMs }) => `${owner}: exit ${exitCode}, ${Math.round(afterMs)} ms`)
        .join('; '),
    ),
    ...when(complaints.length > 0, 'R0', `the service complained: ${complaints.join(', ')}`),
  ]
}

function countOf({ breaches }: Verdict, rule: string): number {
  return breaches.filter((breach) => breach.rule === rule).length
}

function doneOf({ faults }: History, kind: FaultKind): number {
  return faults.filter((fault) => fault.kind === kind && Number.isFinite(fault.untilMs)).length
}

function summary(texts: readonly string[]): string {
  const counts = [...Map.groupBy(texts, (text) => text)].map(([text, same]) => `${text} (${same.length} times)`)
  return counts.slice(0, EXAMPLES).join(', ')
}
