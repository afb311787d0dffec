import type { EndpointSettings } from './endpoint.ts'

/** What a change of an endpoint's settings brings about. */
export type Effects = {
  /** Something that attempts must obey is different: whoever holds the endpoint in memory reads it again. */
  obeyed: boolean
  /** Another URL: unproven again, and what failed at the old one no longer counts. */
  moved: boolean
  /** `disabled` cancels what is planned; `enabled` forgives past failures, and revives nothing. */
  turned: 'enabled' | 'disabled' | null
  /** A test request goes out: there is a URL that nobody has called yet, and it may be called. */
  tested: boolean
}

const obeyedByAttempts = [
  'url',
  'disabled',
  'throttleRate',
  'timeoutMs',
  'retrySchedule',
  'maxConcurrency',
  'ordering',
] as const satisfies (keyof EndpointSettings)[]

/** Filters count when an event is accepted, so they are no concern of attempts; neither are names and notes. */
export function effectsOf(before: EndpointSettings, after: EndpointSettings): Effects {
  const moved = before.url !== after.url
  return {
    obeyed: obeyedByAttempts.some((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name])),
    moved,
    turned: before.disabled === after.disabled ? null : after.disabled ? 'disabled' : 'enabled',
    tested: moved && !after.disabled,
  }
}
