import { commitOf } from '../chaos/commit.ts'
import { max } from '../chaos/figures.ts'
import type { Skipped } from '../chaos/options.ts'
import type { Broken } from '../chaos/report.ts'
import type { Window } from './healthy.ts'
import type { Options, Part } from './options.ts'
import { type AttemptRow, RETRY_S, type ReceiversEvidence } from './receivers-part.ts'
import type { SsrfEvidence } from './ssrf/evidence.ts'

/** What the rig prints: the keys of reliability-security 16, and some of its own. */
export type Report = {
  command: 'hostile'
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

export type Evidence = {
  postgres: string
  crashes: readonly string[]
  receivers: ReceiversEvidence | null
  ssrf: SsrfEvidence | null
  skipped: readonly Skipped[]
}

const BEHAVIOURS_MIN = 40
/** Beside what the service had to wait for a processor. */
const OVERRUN_MS_MAX = 500
const BYTES_READ_MAX = 65_536
const GROWTH_BYTES_MAX = 20_000_000
const P99_RATIO_MAX = 2
const THROUGHPUT_RATIO_MIN = 0.8
/** A p99 below this is as good as one of this: the rest is the machine's own noise. */
const P99_FLOOR_MS = 20
const CORPUS_MIN = 150
/** A service that waits longer for a processor is no measure of what its neighbours do to it: that part is not judged. */
const STARVED_MS_MAX = 1_000
/** What an attempt may end as when the service gets no processor in time. */
const LATE_OUTCOMES: readonly string[] = ['timed_out', 'dns']
const RETRY_AFTER_MS = 120_000
const RETRY_AFTER_MS_MAX = 24 * 3_600_000
const RETRY_MS_MAX = RETRY_S * 1_100 + 50
const EXAMPLES = 5

export function reportRun(options: Options, evidence: Evidence): Report {
  const { receivers, ssrf, crashes } = evidence
  const isPlanted = options.break !== null // is to be seen on a busy machine, too
  const isTimed = isPlanted || (receivers?.starvedMs ?? 0) <= STARVED_MS_MAX
  const skipped = isTimed
    ? evidence.skipped
    : [...evidence.skipped, { part: 'times', reason: `the service waited ${receivers?.starvedMs} ms for a processor` }]
  const broken = [
    ...(crashes.length > 0
      ? [{ promise: 'F26', detail: `crashes ${crashes.length}: ${crashes.slice(0, EXAMPLES).join('; ')}` }]
      : []),
    ...(receivers ? brokenByReceivers(receivers, { isPlanted, isTimed }) : []),
    ...(ssrf ? brokenBySsrf(ssrf) : []),
  ]
  return {
    ...headOf(options, broken, skipped),
    postgres: evidence.postgres,
    ...(receivers
      ? {
          receivers: figuresOf(receivers, crashes.length),
          healthy: healthyOf(receivers),
          classes: classesOf(receivers),
        }
      : {}),
    ...(ssrf ? { ssrf: ssrf.figures } : {}),
  }
}

/** A run that did not come to its end. */
export function reportFailure(options: Options, error: string): Report {
  return { ...headOf(options, [], []), error, ok: false }
}

/** 0: all promises held · 1: one is broken · 2: could not run, or a part that was asked for was skipped. */
export function exitCodeOf({ broken, skipped, error }: Report): number {
  if (broken.length > 0) return 1
  return error !== null || skipped.length > 0 ? 2 : 0
}

export function skip(part: Part, reason: string): Skipped {
  return { part, reason }
}

function headOf(options: Options, broken: Broken[], skipped: readonly Skipped[]): Report {
  return {
    command: 'hostile',
    ok: broken.length === 0 && skipped.length === 0,
    seed: options.seed,
    durationS: options.durationS,
    commit: commitOf(),
    node: process.version,
    postgres: null,
    broken,
    skipped,
    error: null,
    break: options.break,
    parts: options.parts,
  }
}

/** `isTimed`: that something was late says something of the service. */
function brokenByReceivers(
  evidence: ReceiversEvidence,
  { isPlanted, isTimed }: { isPlanted: boolean; isTimed: boolean },
): Broken[] {
  const { receivers, healthy } = { receivers: figuresOf(evidence, 0), healthy: healthyOf(evidence) }
  const wrong = evidence.rows.filter((row) => !isRight(row) && (isTimed || !LATE_OUTCOMES.includes(row.outcome)))
  return [
    ...when(receivers.behaviours < BEHAVIOURS_MIN, 'F26', `only ${receivers.behaviours} behaviours were met`),
    ...when(
      wrong.length > 0,
      'F26',
      `wrongOutcomes ${receivers.wrongOutcomes}: ${wrong.slice(0, EXAMPLES).map(shown).join('; ')}`,
    ),
    ...when(
      receivers.maxOverrunMs > OVERRUN_MS_MAX + (isPlanted ? 0 : receivers.starvedMs),
      'F29',
      `an attempt ended ${receivers.maxOverrunMs} ms after its deadline`,
    ),
    ...when(
      receivers.maxBytesRead > BYTES_READ_MAX,
      'F31',
      `${receivers.maxBytesRead} bytes of one response were read`,
    ),
    ...when(receivers.rssGrowthBytes > GROWTH_BYTES_MAX, 'F33', `memory grew by ${receivers.rssGrowthBytes} bytes`),
    ...when(
      receivers.payloadBytesOverBadTls > 0,
      'F39',
      `${receivers.payloadBytesOverBadTls} bytes were sent over bad TLS`,
    ),
    ...when(receivers.redirectsFollowed > 0, 'F38', `${receivers.redirectsFollowed} redirects were followed`),
    ...when(
      receivers.extraSends > receivers.reusedAttempts,
      'F27',
      `${receivers.extraSends} requests more than attempts`,
    ),
    ...when(
      isTimed && healthy.p99Ratio > P99_RATIO_MAX,
      'P8',
      `healthy p99 ${healthy.hostileP99Ms} ms beside hostile ones, ${healthy.quietP99Ms} ms without`,
    ),
    ...when(
      isTimed && healthy.throughputRatio < THROUGHPUT_RATIO_MIN,
      'P8',
      `healthy throughput ${healthy.throughputRatio} of the quiet one`,
    ),
  ]
}

function figuresOf({ rows, zoo, maxBytesRead, rssGrowthBytes, starvedMs }: ReceiversEvidence, crashes: number) {
  const sum = (some: readonly AttemptRow[]) => some.reduce((total, { attempts }) => total + attempts, 0)
  const reused = rows.filter(({ behaviour }) => /reuse|idle-close|too-many/.test(behaviour.name))
  const requestsOf = (names: readonly string[]) => names.reduce((total, name) => total + (zoo.requests[name] ?? 0), 0)
  return {
    behaviours: new Set(rows.map(({ behaviour }) => behaviour.name)).size,
    attempts: sum(rows),
    wrongOutcomes: sum(rows.filter((row) => !isRight(row))),
    crashes,
    maxOverrunMs: max([0, ...rows.map((row) => row.maxOverrunMs)]),
    starvedMs,
    maxBytesRead,
    rssGrowthBytes,
    payloadBytesOverBadTls: zoo.payloadBytesOverBadTls,
    redirectsFollowed: requestsOf(['canary']),
    reusedAttempts: sum(reused),
    extraSends: Math.max(0, requestsOf([...new Set(reused.map(({ behaviour }) => behaviour.name))]) - sum(reused)),
  }
}

function healthyOf({ quiet, beside }: ReceiversEvidence) {
  const [quietP99Ms, hostileP99Ms] = [best(quiet), best(beside)]
  const ratio = Math.max(P99_FLOOR_MS, hostileP99Ms) / Math.max(P99_FLOOR_MS, quietP99Ms)
  return {
    quietP99Ms,
    hostileP99Ms,
    p99Ratio: Math.round(ratio * 100) / 100,
    throughputRatio: Math.round((deliveredShare(beside) / deliveredShare(quiet)) * 1_000) / 1_000,
    p99FloorMs: P99_FLOOR_MS,
    windows: { quiet, beside },
  }
}

/** Attempts of each class, the longest of them against its deadline, and how they ended. */
function classesOf({ rows }: ReceiversEvidence) {
  const classes = Map.groupBy(rows, ({ behaviour }) => behaviour.name)
  return Object.fromEntries(
    [...classes].map(([name, same]) => [
      name,
      {
        attempts: same.reduce((total, { attempts }) => total + attempts, 0),
        outcomes: [...new Set(same.map(({ outcome, status }) => (status > 0 ? `${outcome} ${status}` : outcome)))],
        longestMs: Math.max(...same.map(({ maxOverrunMs }) => maxOverrunMs)),
      },
    ]),
  )
}

/** Times are stored to the millisecond: a wait may seem shorter by one. */
function isRight({ behaviour, outcome, status, dueAfterMs }: AttemptRow): boolean {
  if (outcome !== behaviour.outcome || status !== behaviour.status) return false
  if (behaviour.name === 'retry-after-seconds')
    return dueAfterMs === null || (dueAfterMs >= RETRY_AFTER_MS - 1 && dueAfterMs <= RETRY_AFTER_MS_MAX)
  return dueAfterMs === null || (dueAfterMs >= RETRY_S * 1_000 - 1 && dueAfterMs <= RETRY_MS_MAX)
}

function brokenBySsrf({ figures, failures }: SsrfEvidence): Broken[] {
  const found = (kind: string) =>
    failures
      .filter((failure) => failure.startsWith(kind))
      .slice(0, EXAMPLES)
      .join('; ')
  return [
    ...when(figures.canaryPackets > 0, 'P9', `${figures.canaryPackets} packets at canaries: ${found('canary')}`),
    ...when(
      figures.secondWallPackets > 0,
      'P9',
      `${figures.secondWallPackets} packets with the guard off: ${found('wall')}`,
    ),
    ...when(!figures.controlReached, 'P9', `the control reached no canary of ${found('control')}`),
    ...when(
      figures.corpusPassed < figures.corpusTotal,
      'P9',
      `corpus ${figures.corpusPassed} of ${figures.corpusTotal}: ${found('corpus')}`,
    ),
    ...when(figures.corpusTotal < CORPUS_MIN, 'P9', `the corpus has only ${figures.corpusTotal} cases`),
    ...when(figures.oracleDisagreements > 0, 'P9', `policy and oracle disagree: ${found('oracle')}`),
    ...when(figures.falseRefusals > 0, 'P9', `refused although public: ${found('neighbour')}`),
    ...when(figures.unexpected > 0, 'P9', `unexpected: ${found('unexpected')}`),
  ]
}

function when(isBroken: boolean, promise: string, detail: string): Broken[] {
  return isBroken ? [{ promise, detail }] : []
}

function shown({ behaviour, outcome, status, attempts, dueAfterMs }: AttemptRow): string {
  const due = dueAfterMs === null ? '' : `, next after ${Math.round(dueAfterMs)} ms`
  return `${behaviour.name}: ${attempts} ended as ${outcome} ${status}${due}, not as ${behaviour.outcome} ${behaviour.status}`
}

function deliveredShare(windows: readonly Window[]): number {
  const sum = (of: (window: Window) => number) => windows.reduce((total, window) => total + of(window), 0)
  return (
    sum(({ delivered }) => delivered) /
    Math.max(
      1,
      sum(({ published }) => published),
    )
  )
}

/** The best of a few windows: what hostile neighbours do is in each of them, what else the machine had to do is not. */
function best(windows: readonly Window[]): number {
  return Math.min(...windows.map(({ p99Ms }) => p99Ms))
}
