const LINES_MAX = 5_000
const SHARE = 2
/** Where the system does not say what is allowed. */
const LINES_UNKNOWN = 2_000

/**
 * How many connections may be kept without a request: at most half of what this process may have open, so that a small limit is
 * not used up by them.
 * @param limits  the text of `/proc/self/limits`; empty where there is none
 */
export function idleLinesMax(limits: string): number {
  const [, soft] = /^Max open files +(\d+|unlimited)/m.exec(limits) ?? []
  if (soft === undefined) return LINES_UNKNOWN
  return soft === 'unlimited' ? LINES_MAX : Math.min(LINES_MAX, Math.floor(Number(soft) / SHARE))
}
