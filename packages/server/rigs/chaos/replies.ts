import { between, type Random, randomOf } from './chance.ts'

/** How a receiver answers one request; `hang`: never. */
export type Reply = { kind: 'answer'; status: number; afterMs: number } | { kind: 'hang' }

/** Shares of deliveries. The rest is answered with 200 at once. */
const DOOMED = 0.006 // 503 to the end
const FAILING = 0.07 // some failures first
const HANGING = 0.006 // no answer to the first attempt
const SLOW = 0.06

const FAILURES_MAX = 3
const SLOW_MS = [50, 1_500] as const

/**
 * The plan of the receivers: what one delivery meets at its n-th request (0, 1, …). It depends on nothing but the seed, the
 * event and the endpoint, so a resend after a fault moves no other delivery.
 */
export function replyTo(seed: number, uid: string, endpoint: number, requestsBefore: number): Reply {
  const random = randomOf(seed, 'reply', uid, endpoint)
  const lot = random()
  if (lot < DOOMED) return answer(503)
  if (lot < DOOMED + FAILING) return failing(random, requestsBefore)
  if (lot < DOOMED + FAILING + HANGING) return requestsBefore === 0 ? { kind: 'hang' } : answer(200)
  if (lot < DOOMED + FAILING + HANGING + SLOW) return answer(200, between(random, ...SLOW_MS))
  return answer(200)
}

function failing(random: Random, requestsBefore: number): Reply {
  const failures = between(random, 1, FAILURES_MAX)
  const status = random() < 0.5 ? 503 : 500
  return answer(requestsBefore < failures ? status : 200)
}

function answer(status: number, afterMs = 0): Reply {
  return { kind: 'answer', status, afterMs }
}
