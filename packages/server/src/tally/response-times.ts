import { type Sql, sql, sqlText } from '#src/adapters/postgres/sql.ts'

/**
 * Lower bounds of the classes in which response times are counted, in ms; below the first of them and from the last on there is a
 * class too. A change of them needs a migration of what has been counted.
 */
export const RESPONSE_BOUNDS_MS: readonly number[] = [
  5, 10, 15, 20, 30, 40, 50, 70, 100, 125, 150, 200, 250, 300, 400, 500, 650, 800, 1_000, 1_250, 1_500, 2_000, 2_500,
  3_000, 4_000, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000,
]
const CLASSES = RESPONSE_BOUNDS_MS.length + 1

/** How many attempts took how long, by class, and the longest. */
export type ResponseTimes = { durations: readonly number[]; maxMs: number }

/** Counts rows by their class. @param at  the class of a row, null: not counted */
export function countsByClass(at: Sql): Sql {
  return listed((number) => sql`count(*) filter (where ${at} = ${sqlText(String(number))})::int`)
}

/** Adds counts up. @param durations  the column */
export function sumByClass(durations: Sql): Sql {
  return listed((number) => sql`sum(${durations}[${sqlText(String(number + 1))}])::int`)
}

function listed(item: (number: number) => Sql): Sql {
  const [first, ...others] = Array.from({ length: CLASSES }, (_, number) => item(number))
  return sql`array[${others.reduce((list, next) => sql`${list}, ${next}`, first ?? sql``)}]`
}

/** Which class a duration in ms is of. */
export function classOf(durationMs: Sql): Sql {
  return sql`width_bucket(${durationMs}, array[${sqlText(RESPONSE_BOUNDS_MS.join(', '))}])`
}

/**
 * The time within which a share of the attempts ended, in whole ms: within a class it is taken to be spread evenly.
 * @param share  0.5, 0.95
 * @returns null without attempts
 */
export function responseTime({ durations, maxMs }: ResponseTimes, share: number): number | null {
  const total = durations.reduce((sum, count) => sum + count, 0)
  if (total === 0) return null
  const wanted = total * share
  let before = 0
  for (const [number, count] of durations.entries()) {
    if (count > 0 && before + count >= wanted) {
      const from = number === 0 ? 0 : (RESPONSE_BOUNDS_MS[number - 1] ?? 0)
      const until = Math.min(RESPONSE_BOUNDS_MS[number] ?? maxMs, maxMs)
      return Math.round(from + ((wanted - before) / count) * Math.max(0, until - from))
    }
    before += count
  }
  return maxMs
}

export function sumResponseTimes(all: readonly ResponseTimes[]): ResponseTimes {
  const durations = Array.from({ length: CLASSES }, (_, number) =>
    all.reduce((sum, one) => sum + (one.durations[number] ?? 0), 0),
  )
  return { durations, maxMs: all.reduce((most, { maxMs }) => Math.max(most, maxMs), 0) }
}
