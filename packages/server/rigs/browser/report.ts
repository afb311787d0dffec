import type { Options } from './options.ts'

/** What a run found; figures are null where that part did not run. */
export type Report = {
  screens: number
  /** Screens × themes × widths, and those that were forced. */
  states: number
  axeViolations: number
  consoleErrors: number
  cspReports: number
  foreignRequests: number
  journeys: { passed: number; failed: number }
  firstRouteKbGzip: number | null
  logKbGzip: number | null
  chartsKbGzip: number | null
  cssKbGzip: number | null
  fontsKb: number | null
  lcpMs: number | null
  inpMs: number | null
  cls: number | null
  /** From the last byte of a payload of 256 kB to its tree on the page. */
  payloadMs: number | null
  /** From an event that is accepted to the word of it on the log: the middle of some. */
  liveMs: number | null
  /** Until the number of 100,000 deliveries that are to be replayed is there: the quickest of some. */
  replayDryRunMs: number | null
  /** Until the difference that 50,000 NPNs make is there: the quickest of some. */
  populationDryRunMs: number | null
  /** Pictures that are other ones than before, and how much of each: somebody has to look at them. */
  picturesToReview: string[]
  /** What does not hold, in words. */
  faults: string[]
  seconds: number
  error: string | null
}

/** Source: portal 12. */
export const BUDGET = {
  ...{ firstRouteKbGzip: 225, logKbGzip: 85, chartsKbGzip: 24, cssKbGzip: 24, fontsKb: 45 },
  ...{ lcpMs: 2_000, inpMs: 200, cls: 0.05, payloadMs: 200, liveMs: 1_000 },
  ...{ replayDryRunMs: 2_000, populationDryRunMs: 3_000 },
} as const

export function emptyReport(): Report {
  return {
    screens: 0,
    states: 0,
    axeViolations: 0,
    consoleErrors: 0,
    cspReports: 0,
    foreignRequests: 0,
    journeys: { passed: 0, failed: 0 },
    firstRouteKbGzip: null,
    logKbGzip: null,
    chartsKbGzip: null,
    cssKbGzip: null,
    fontsKb: null,
    lcpMs: null,
    inpMs: null,
    cls: null,
    payloadMs: null,
    liveMs: null,
    replayDryRunMs: null,
    populationDryRunMs: null,
    picturesToReview: [],
    faults: [],
    seconds: 0,
    error: null,
  }
}

/** A run that did not come to its end. */
export function failureReport(_options: Options, error: string): Report {
  return { ...emptyReport(), error }
}

export function exitCodeOf({ error, faults }: Report): number {
  if (error !== null) return 2
  return faults.length > 0 ? 1 : 0
}
