import type { Summary } from '@producersync/server/contract'
import { plural, text } from '#src/text.ts'

const words = text.home.sentence

/** The worst state that an endpoint is in; undefined when none needs anybody. */
export function worstOf({ endpoints }: Summary): 'failing' | 'paused' | 'degraded' | undefined {
  return (['failing', 'paused', 'degraded'] as const).find((state) => endpoints[state] > 0)
}

/**
 * How the account stands, in a sentence: the worst first.
 * @param moment  writes a time in the reader's zone
 */
export function healthSentence({ endpoints, failingSince }: Summary, moment: (at: string) => string): string {
  const { total, failing, degraded, paused, disabled, unverified, healthy } = endpoints
  if (total === 0) return words.noEndpoints
  if (failing > 0) {
    const which = plural(failing, 'endpoint')
    return failingSince === null ? words.failing(which) : words.failingSince(which, moment(failingSince))
  }
  if (paused > 0) return words.paused(plural(paused, 'endpoint'))
  if (degraded > 0) return words.degraded(plural(degraded, 'endpoint'))
  if (healthy === total) return words.allHealthy(total)
  if (healthy > 0) return words.someHealthy(healthy, total - disabled, disabled, unverified)
  return unverified > 0 ? words.unverified(plural(unverified, 'endpoint')) : words.allDisabled
}
