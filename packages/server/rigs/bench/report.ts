import { execFileSync } from 'node:child_process'
import { payloadsOf } from './bodies.ts'
import { rounded } from './figures.ts'
import type { Ledger } from './ledger.ts'
import { COUNT_MS, LIST_MS, type ListsFigures, slowLists } from './lists.ts'
import type { LoadFigures } from './measure.ts'
import type { Options } from './options.ts'
import { RAISED_LIMITS } from './service.ts'
import type { StatementFigures } from './statements.ts'
import type { Figures } from './throughput.ts'

/** A helper that is busier than this was the bottleneck, or may have been. */
const CORES_MAX = 0.9
const LOAD_MAX = 0.97
/** Calls that were written later than they were due although a connection was free: the publisher was not in time. */
const LATE_MS_MAX = 100

export type Verdict = { verdict: 'valid' | 'void'; voidBecause: string[] }

/** What a run that could not be made, or was stopped, says. */
export function failureReport(options: Options | null, error: unknown) {
  return {
    command: 'bench',
    ok: false,
    verdict: 'void',
    ...(options ? { seed: options.seed, durationS: options.durationS, mode: options.mode } : {}),
    commit: commitOf(),
    node: process.version,
    error: error instanceof Error ? error.message : String(error),
  }
}

export function reportOf(options: Options, figures: Figures, postgres: string) {
  const { mode, seed, durationS, endpoints } = options
  const { plan, bare, full, half, beside, workers, ledger, connections } = figures
  const bareMean = (bare.before.perS + bare.after.perS) / 2
  const { verdict, voidBecause } = judge(figures)
  const payloadBytes = meanPayloadBytes(seed)
  return {
    command: 'bench',
    ok: verdict === 'valid' && isKept(ledger),
    verdict,
    voidBecause,
    seed,
    durationS,
    mode,
    commit: commitOf(),
    node: process.version,
    postgres,
    limitsRaised: RAISED_LIMITS,
    endpoints: mode === 'batch' || mode === 'single' ? endpoints : plan.accounts * plan.endpointsPerAccount,
    maxConcurrency: plan.concurrency,
    fifo: plan.fifo,
    eventsPerCall: plan.eventsPerCall ?? 1,
    connections: plan.connections,
    deliveriesPerEvent: plan.fanOut,
    payloadBytes,
    bareConnections: connections,
    acceptedPerS: full.acceptedPerS,
    deliveredPerS: full.deliveredPerS,
    barePerS: { before: bare.before.perS, after: bare.after.perS },
    ratio: rounded(full.deliveredPerS / bareMean, 3),
    cpuUsPerDelivery: { ...full.cpuUs, bareSender: rounded((bare.before.cpuUs + bare.after.cpuUs) / 2, 1) },
    statementsPerEvent: full.database.statementsPerEvent,
    commitsPerEvent: full.database.commitsPerEvent,
    walBytesPerEvent: full.database.walBytesPerEvent,
    walBytesAbovePayload: full.database.walBytesPerEvent - payloadBytes,
    diskBytesPerEvent: full.database.diskBytesPerEvent,
    rssBytes: beside?.full.serviceRssBytes ?? full.serviceRssBytes,
    halfRate: {
      eventsPerS: half.acceptedPerS,
      acceptMs: half.published.acceptMs,
      acceptToFirstByteMs: half.acceptToFirstByteMs,
      dueToFirstByteMs: half.dueToFirstByteMs,
      cpuUsPerDelivery: half.cpuUs,
    },
    ...(beside ? { beside: besideOf(figures, beside) } : {}),
    ...(workers ? { workers } : {}),
    cores: { full: full.cores, half: half.cores, bare: { before: bare.before, after: bare.after } },
    load: { full: full.load, half: half.load },
    refused: { ...full.published.refused, ...half.published.refused },
    ledger,
    lost: ledger.lost,
    duplicates: ledger.duplicates,
  }
}
export type Report = ReturnType<typeof reportOf>

/** Of mode lists10m. `slow`: lists that were answered later than `listMs` (counts: `countMs`) more than 5 times in 100, or not at all. */
export function listsReportOf({ mode }: Pick<Options, 'mode'>, figures: ListsFigures, postgres: string) {
  const slow = slowLists(figures)
  return {
    command: 'bench',
    ok: slow.length === 0,
    verdict: 'valid',
    mode,
    commit: commitOf(),
    node: process.version,
    postgres,
    listMs: LIST_MS,
    countMs: COUNT_MS,
    slow,
    ...figures,
  }
}

/** Of mode statements. */
export function statementsReportOf(
  { mode, seed, endpoints }: Pick<Options, 'mode' | 'seed' | 'endpoints'>,
  statements: readonly StatementFigures[],
  postgres: string,
) {
  return {
    command: 'bench',
    ok: true,
    verdict: 'valid',
    seed,
    mode,
    commit: commitOf(),
    node: process.version,
    postgres,
    endpoints,
    statements,
  }
}

export function isKept({ lost, duplicates }: Ledger): boolean {
  return lost === 0 && duplicates === 0
}

function besideOf({ full, half }: Figures, beside: NonNullable<Figures['beside']>) {
  return {
    deliveredPerS: beside.full.deliveredPerS,
    throughputRatio: rounded(beside.full.deliveredPerS / full.deliveredPerS, 3),
    dueToFirstByteMs: beside.half.dueToFirstByteMs,
    p99Ratio: rounded(beside.half.dueToFirstByteMs.p99 / half.dueToFirstByteMs.p99, 2),
    cpuUsPerDelivery: beside.full.cpuUs,
    rssBytes: beside.full.serviceRssBytes,
  }
}

/** Void: what should only watch was itself the limit, so the figures say nothing of the engine. */
function judge({ bare, full, half, beside }: Figures): Verdict {
  const voidBecause: string[] = []
  for (const [name, { sinkCores, sinkLoad }] of Object.entries(bare)) {
    if (sinkCores > CORES_MAX || sinkLoad > LOAD_MAX)
      voidBecause.push(`the sink was full beside the bare sender (${name})`)
  }
  const loads: Record<string, LoadFigures> = {
    'full rate': full,
    'half rate': half,
    ...(beside ? { 'full rate, disturbed': beside.full, 'half rate, disturbed': beside.half } : {}),
  }
  for (const [name, { cores, load, published }] of Object.entries(loads)) {
    for (const helper of ['sink', 'publisher'] as const) {
      if (cores[helper] > CORES_MAX || load[helper] > LOAD_MAX) voidBecause.push(`the ${helper} was full (${name})`)
    }
    if (published.lateMs.p99 > LATE_MS_MAX) voidBecause.push(`the publisher was late (${name})`)
  }
  return { verdict: voidBecause.length === 0 ? 'valid' : 'void', voidBecause }
}

function meanPayloadBytes(seed: number): number {
  const payloads = payloadsOf(seed)
  return Math.round(payloads.reduce((sum, payload) => sum + payload.length, 0) / payloads.length)
}

/** The commit of this tree, with a + when files differ from it; null where there is no git. */
function commitOf(): string | null {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    const changed = git('status', '--porcelain', '--', '../../src') !== ''
    return `${git('rev-parse', '--short=12', 'HEAD').trim()}${changed ? '+' : ''}`
  } catch {
    return null
  }
}
