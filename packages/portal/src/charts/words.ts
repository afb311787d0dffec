import { plural, text } from '#src/text.ts'
import { durationWords } from '#src/time/words.ts'

export type Outcomes = { ok: number; failed: number }
export type Times = { p50Ms: number | null; p95Ms: number | null; maxMs: number | null }

/** What a chart of outcomes shows, in a sentence. */
export function outcomesSentence(buckets: readonly Outcomes[]): string {
  const ok = buckets.reduce((sum, bucket) => sum + bucket.ok, 0)
  const failed = buckets.reduce((sum, bucket) => sum + bucket.failed, 0)
  return text.charts.outcomes(ok, failed)
}

/** The same of a chart of response times, from the figures of the whole time. */
export function timesSentence({ p50Ms, p95Ms, maxMs }: Times): string {
  if (p50Ms === null || p95Ms === null || maxMs === null) return text.charts.noLatency
  return text.charts.latency(durationWords(p50Ms), durationWords(p95Ms), durationWords(maxMs))
}

/** `412 ok, 3 failed`: what a sparkline says. */
export function sparkWords({ ok, failed }: Outcomes): string {
  return ok + failed === 0 ? text.charts.noTraffic : `${plural(ok, 'ok', 'ok')}, ${plural(failed, 'failed', 'failed')}`
}
