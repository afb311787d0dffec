import { commitOf } from '../chaos/commit.ts'
import { percentile } from '../chaos/figures.ts'
import type { Broken } from '../chaos/report.ts'
import type { Options } from './options.ts'
import type { SeedResult } from './simulation.ts'

/** What the simulator prints. */
export type Report = {
  command: 'simulate'
  ok: boolean
  seed: number
  commit: string
  node: string
  postgres: string | null
  broken: Broken[]
  skipped: []
  error: string | null
  [figure: string]: unknown
}

/** The first seeds that broke a promise are enough to begin with. */
const FAILURES_SHOWN = 10

export function reportRun(
  options: Options,
  results: readonly SeedResult[],
  parts: { postgres: string; realMs: number },
): Report {
  const failed = results.filter(({ violations }) => violations.length > 0)
  const sum = (of: (result: SeedResult) => number) => results.reduce((total, result) => total + of(result), 0)
  const broken = failed.slice(0, FAILURES_SHOWN).map(({ seed, violations }) => ({
    promise: 'R6',
    detail: `--seed ${seed} --seeds 1: ${violations.slice(0, 3).join('; ')}`,
  }))
  return {
    ...headOf(options, broken),
    postgres: parts.postgres,
    seedsDone: results.length,
    failedSeeds: failed.map(({ seed }) => seed),
    simulatedS: Math.round(sum(({ simulatedMs }) => simulatedMs) / 1_000),
    realS: Math.round(parts.realMs / 1_000),
    seedsPerS: Math.round(results.length / (parts.realMs / 1_000)),
    seedP99Ms: percentile(
      results.map(({ realMs }) => realMs),
      0.99,
    ),
    steps: sum(({ steps }) => steps),
    faults: sum(({ faults }) => faults),
    accepted: sum(({ accepted }) => accepted),
    requests: sum(({ requests }) => requests),
    duplicates: sum(({ duplicates }) => duplicates),
    duplicatesBound: sum(({ duplicatesBound }) => duplicatesBound),
    overlapsFrozen: sum(({ overlapsFrozen }) => overlapsFrozen),
  }
}

/** A run that did not come to its end. */
export function reportFailure(options: Options, error: string): Report {
  return { ...headOf(options, []), error, ok: false }
}

/** 0: all promises held · 1: one is broken · 2: could not run. */
export function exitCodeOf({ broken, error }: Report): number {
  if (broken.length > 0) return 1
  return error === null ? 0 : 2
}

function headOf(options: Options, broken: Broken[]): Report {
  return {
    command: 'simulate',
    ok: broken.length === 0,
    seed: options.seed,
    durationS: options.durationS,
    commit: commitOf(),
    node: process.version,
    postgres: null,
    broken,
    skipped: [],
    error: null,
    break: options.break,
    seeds: options.seeds,
  }
}
