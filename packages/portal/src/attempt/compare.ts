import type { AttemptDetail } from '@producersync/server/contract'
import { deliveryText } from '#src/text-deliveries.ts'
import { durationWords } from '#src/time/words.ts'

const words = deliveryText.compare
const PHASES = ['queueMs', 'dnsMs', 'connectMs', 'tlsMs', 'firstByteMs', 'totalMs'] as const

/** One fact of two attempts, in words. */
export type Compared = { name: string; one: string; other: string; differs: boolean }

/** What two attempts met, side by side: result, status, times, response headers and body. */
export function compareAttempts(one: AttemptDetail, other: AttemptDetail): Compared[] {
  const fact = (name: string, of: (attempt: AttemptDetail) => string): Compared => {
    const [left, right] = [of(one), of(other)]
    return { name, one: left, other: right, differs: left !== right }
  }
  const names = new Set([one, other].flatMap((attempt) => [...headersOf(attempt).keys()]))
  return [
    fact(words.outcome, ({ failure }) => failure?.title ?? deliveryText.attempt.delivered),
    fact(words.status, ({ responseHead }) => (responseHead ? String(responseHead.statusCode) : '–')),
    ...PHASES.map((phase) =>
      fact(deliveryText.attempt.phases[phase] ?? phase, ({ timings }) => {
        const ms = timings[phase]
        return ms === null ? '–' : durationWords(ms)
      }),
    ),
    fact(deliveryText.attempt.address, ({ connection }) => connection.address ?? '–'),
    fact(deliveryText.attempt.tls, ({ connection }) => connection.tlsVersion ?? '–'),
    ...[...names].sort().map((name) => fact(words.header(name), (attempt) => headersOf(attempt).get(name) ?? '–')),
    fact(words.body, ({ responseBody }) => responseBody?.text ?? '–'),
  ]
}

function headersOf({ responseHead }: AttemptDetail): Map<string, string> {
  const headers = new Map<string, string>()
  for (const [name = '', value = ''] of responseHead?.headers ?? []) {
    const key = name.toLowerCase()
    const before = headers.get(key)
    headers.set(key, before === undefined ? value : `${before}\n${value}`)
  }
  return headers
}
