const HOUR_MS = 3_600_000

/** The times a chart can show, and the buckets each is cut into. */
export const SPANS = {
  '-1h': { ms: HOUR_MS, bucket: 'FiveMinutes' },
  '-24h': { ms: 24 * HOUR_MS, bucket: 'OneHour' },
  '-7d': { ms: 7 * 24 * HOUR_MS, bucket: 'OneHour' },
  '-30d': { ms: 30 * 24 * HOUR_MS, bucket: 'OneDay' },
} as const

export type Span = keyof typeof SPANS

export function spanOf(text: string | undefined): Span {
  return text !== undefined && text in SPANS ? (text as Span) : '-24h'
}
