import { endpointText } from '#src/text-endpoints.ts'
import { durationWords } from '#src/time/words.ts'

/** When a delivery that fails is tried again, how often in all, and in what time. @param waits  in seconds, one after the other */
export function scheduleWords(waits: readonly number[]): string {
  const whole = waits.reduce((sum, wait) => sum + wait, 0)
  return endpointText.endpoint.overview.scheduleWords(
    waits.map((wait) => durationWords(wait * 1_000)),
    durationWords(whole * 1_000),
  )
}
