import { DomainError } from '#src/domain-error.ts'

/** Moments from `since` (inclusive) to `until` (exclusive). */
export type Range = { since: Date; until: Date }

const DAY_MS = 86_400_000
/** Clocks and round numbers differ by a little: a range may be longer by this. */
const TOLERANCE_MS = 5 * 60_000

/**
 * @throws DomainError invalid_range: it ends in the future or before it begins, or spans more than so many days
 * Source: webhook-api 8.1
 */
export function checkRange({ since, until }: Range, now: Date, daysMax: number): void {
  if (until > now || since > until || until.getTime() - since.getTime() > daysMax * DAY_MS + TOLERANCE_MS) {
    throw new DomainError(
      'invalid_range',
      `The range must end by now, begin before its end and span at most ${daysMax} days.`,
    )
  }
}
