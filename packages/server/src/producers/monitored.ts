/** How an NPN of the population stands: what people read as Loading, Ready, No licences, Unknown to NIPR, Removed. */
export const MONITORED_STATES = ['loading', 'ready', 'no_licenses', 'not_found', 'removed'] as const
export type MonitoredState = (typeof MONITORED_STATES)[number]

export const MONITORED_SORTS = ['npn', '-npn', 'joined', '-joined'] as const
export type MonitoredSort = (typeof MONITORED_SORTS)[number]

/** What is looked for: nothing, NPNs that begin with digits, or names with words that begin so. */
export type Search = { by: 'nothing' } | { by: 'npn'; digits: string } | { by: 'name'; text: string }

const DIGITS = /^[1-9][0-9]{0,9}$/

export function parseSearch(text: string | undefined): Search {
  const wanted = text?.trim() ?? ''
  if (wanted === '') return { by: 'nothing' }
  return DIGITS.test(wanted) ? { by: 'npn', digits: wanted } : { by: 'name', text: wanted }
}

const NPN_DIGITS_MAX = 10

/** The NPNs that begin with digits, as ranges: from (inclusive) and until (exclusive), lowest first. */
export function rangesOf(digits: string): { from: number[]; until: number[] } {
  const widths = Array.from({ length: NPN_DIGITS_MAX - digits.length + 1 }, (_, zeros) => 10 ** zeros)
  return {
    from: widths.map((width) => Number(digits) * width),
    until: widths.map((width) => (Number(digits) + 1) * width),
  }
}
