const EVENT_TYPE = 'license.updated'
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const KSUID_LENGTH = 27
/** Different bodies; then they come again. */
const BODIES = 2_000

/** Numbers from 0 to 1 that a seed fixes (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let bits = Math.imul(state ^ (state >>> 15), state | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** The payloads of a run: envelopes as the service's own events have them, a little over 200 bytes each. */
export function payloadsOf(seed: number): string[] {
  const random = seeded(seed)
  return Array.from({ length: BODIES }, () =>
    JSON.stringify({
      id: `evt_${ksuidOf(random)}`,
      type: EVENT_TYPE,
      timestamp: '2026-01-05T09:00:00.000Z',
      data: { npn: numberOf(random, 10), state: 'TX', licenseNumber: numberOf(random, 8), status: 'ACTIVE' },
    }),
  )
}

/** A message of the API, as JSON. @param channel  of the one endpoint it is for; null: for all */
export function messageOf(payload: string, channel: string | null): string {
  const channels = channel === null ? '' : `"channels":["${channel}"],`
  return `{"eventType":"${EVENT_TYPE}",${channels}"payload":${payload}}`
}

export function ksuidOf(random: () => number): string {
  return Array.from({ length: KSUID_LENGTH }, () => DIGITS.charAt(Math.floor(random() * DIGITS.length))).join('')
}

function numberOf(random: () => number, digits: number): string {
  return Array.from({ length: digits }, () => Math.floor(random() * 10)).join('')
}
