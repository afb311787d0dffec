/**
 * Opens after ten attempts in a row that met no final status: the endpoint is not there, and each further attempt would
 * only hold a slot until its deadline. While it is open its deliveries wait, which is neither an attempt nor a failure;
 * then one due delivery goes out as the probe, and a final status closes it.
 */
export type Breaker = { silent: number; openUntil: Date | null; openMs: number; probing: boolean }

/** What an attempt says of the endpoint: it gave a final status, whatever it was; it gave none; or it was not asked. */
export type Reach = 'answered' | 'silent' | 'unsent'

const SILENT_MAX = 10
const OPEN_MS_MIN = 5_000
const OPEN_MS_MAX = 60_000

export const CLOSED: Breaker = { silent: 0, openUntil: null, openMs: 0, probing: false }

/** May an attempt start? When not, from when on a probe may. */
export function breakerAdmits(breaker: Breaker, now: Date): { admits: true } | { admits: false; until: Date | null } {
  if (breaker.openUntil === null) return { admits: true }
  if (now < breaker.openUntil) return { admits: false, until: breaker.openUntil }
  return breaker.probing ? { admits: false, until: null } : { admits: true }
}

export function breakerAfterStart(breaker: Breaker): Breaker {
  return breaker.openUntil === null ? breaker : { ...breaker, probing: true }
}

/** What had started was not sent after all. */
function breakerUnused(breaker: Breaker): Breaker {
  return breaker.probing ? { ...breaker, probing: false } : breaker
}

export function breakerAfterEnd(breaker: Breaker, reach: Reach, now: Date): Breaker {
  if (reach === 'answered') return CLOSED
  if (reach === 'unsent') return breakerUnused(breaker)
  const silent = breaker.silent + 1
  if (breaker.openUntil !== null && !breaker.probing) return { ...breaker, silent } // had started before it opened
  if (silent < SILENT_MAX) return { ...breaker, silent }
  const openMs = Math.min(OPEN_MS_MAX, breaker.openMs === 0 ? OPEN_MS_MIN : breaker.openMs * 2)
  return { silent, openUntil: new Date(now.getTime() + openMs), openMs, probing: false }
}
