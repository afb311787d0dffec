const MINUTE_MS = 60_000
export const FIVE_MS = 5 * MINUTE_MS
export const HOUR_MS = 60 * MINUTE_MS
/** Counts of five minutes are kept this long. */
export const FIVES_KEPT_MS = 26 * HOUR_MS
/** They are relied on for a little less: what is purged is not what is being read. */
const FIVES_READ_MS = 25 * HOUR_MS

/** From when until when attempts have been counted, each on a full five minutes. */
export type Coverage = { from: Date; until: Date }

/** A part of a time, and where it is to be read: counts of hours or of five minutes, or the attempts themselves. */
export type Piece = { of: 'hours' | 'fives' | 'attempts'; from: Date; until: Date }

/**
 * Cuts a time into pieces that together cover it once, in order: as many whole hours as have been counted, five minutes around
 * them, and the attempts for the rest.
 * @param finest  the shortest period that must stay apart, in ms: hours are not cut
 */
export function piecesOf(
  { since, until }: { since: Date; until: Date },
  coverage: Coverage | null,
  now: Date,
  finest: number = HOUR_MS,
): Piece[] {
  const [start, end] = [since.getTime(), until.getTime()]
  if (!coverage) return start < end ? [{ of: 'attempts', from: since, until }] : []
  const from = Math.max(start, coverage.from.getTime())
  const to = Math.min(end, coverage.until.getTime())
  const hours =
    finest < HOUR_MS ? null : span(ceil(Math.max(from, coverage.from.getTime()), HOUR_MS), floor(to, HOUR_MS))
  const fives = span(ceil(Math.max(from, now.getTime() - FIVES_READ_MS), FIVE_MS), floor(to, FIVE_MS))
  const edges = [start, end, ...(hours ?? []), ...(fives ?? []).filter((at) => !holds(hours, at))]
  const bounds = [...new Set(edges)].sort((a, b) => a - b)
  return bounds.slice(1).map((upper, index) => {
    const lower = bounds[index] ?? start
    const of = holds(hours, lower) ? 'hours' : holds(fives, lower) ? 'fives' : 'attempts'
    return { of, from: new Date(lower), until: new Date(upper) }
  })
}

function span(from: number, until: number): readonly [number, number] | null {
  return from < until ? [from, until] : null
}

function holds(range: readonly [number, number] | null, at: number): boolean {
  return range !== null && range[0] <= at && at < range[1]
}

function ceil(at: number, step: number): number {
  return Math.ceil(at / step) * step
}

function floor(at: number, step: number): number {
  return Math.floor(at / step) * step
}
