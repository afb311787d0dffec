import type { LocalDate } from './local-date.ts'

export const RUN_STATES = ['scheduled', 'collecting', 'publishing', 'held', 'published', 'no_report', 'failed'] as const
export type RunState = (typeof RUN_STATES)[number]

export const RUN_SCENARIOS = [
  'normal',
  'no_changes',
  'bulk_expiry',
  'late',
  'fails_once',
  'fails',
  'no_report',
  'slow',
] as const
/** What the simulator makes of a day. Source: producersync-api 12. */
export type RunScenario = (typeof RUN_SCENARIOS)[number]

/** Who wanted the run. One of a sandbox ends at once when its day fails or has no report. */
export type RunTrigger = 'schedule' | 'sandbox' | 'operator'

export type RunCounts = {
  /** Targets that the alert reports name. */
  alertNpns: number
  /** Detail reports read. */
  read: number
  unknown: number
  deferred: number
  changedNpns: number
  inserted: number
  updated: number
  deleted: number
  /** Values that could not be understood. */
  warnings: number
  /** Accounts that were told. */
  accounts: number
}

export const NO_COUNTS: RunCounts = {
  alertNpns: 0,
  read: 0,
  unknown: 0,
  deferred: 0,
  changedNpns: 0,
  inserted: 0,
  updated: 0,
  deleted: 0,
  warnings: 0,
  accounts: 0,
}

/** The daily run of a feed. Source: producersync-api 10. */
export type Run = {
  id: string
  feedId: string
  runDate: LocalDate
  state: RunState
  trigger: RunTrigger
  scenario: RunScenario
  fullRefresh: boolean
  /** An operator has let it past the guard. */
  released: boolean
  /** The days whose reports it has read. */
  covers: LocalDate[]
  /** Published after the midnight of its day. */
  late: boolean
  nextTryAt: Date
  scheduledAt: Date
  startedAt: Date | null
  detailsAt: Date | null
  collectedAt: Date | null
  publishedAt: Date | null
  endedAt: Date | null
  message: string | null
  counts: RunCounts
}

/** Records of one kind, of the producers that a run has read: how many of those that are served would vanish. */
export type Losses = { kind: string; vanishing: number; served: number }

const GUARD_SHARE = 0.05
export const GUARD_RECORDS_MIN = 1_000

/** Would a run take away so much that somebody should look first? Source: producersync-api 10, step 5. */
export function isSuspicious({ vanishing, served }: Losses): boolean {
  return vanishing >= GUARD_RECORDS_MIN && vanishing > GUARD_SHARE * served
}

/** How many producers may be put off to the next run. */
export function deferredMax(listed: number): number {
  return Math.max(10, Math.floor(listed / 1_000))
}

/** A run that has not ended so long after it began to read details has failed. */
export const DETAILS_MS_MAX = 20 * 3_600_000
