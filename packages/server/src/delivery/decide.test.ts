import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Outcome } from '#src/adapters/outgoing/outgoing.ts'
import { decide } from './decide.ts'
import { type Cause, parseReceiverWishes, type ReceiverWish } from './delivery.ts'
import { DEFAULT_RETRY_SCHEDULE, RETRY_AFTER_MS_MAX } from './schedule.ts'

const endedAt = new Date('2026-03-06T15:00:00.000Z')
const none: ReadonlySet<ReceiverWish> = new Set()

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record({ kind: fc.constant('responded' as const), status: fc.integer({ min: 200, max: 599 }) }),
  fc.record({
    kind: fc.constant('responded' as const),
    status: fc.integer({ min: 200, max: 599 }),
    retryAfterMs: fc.integer({ min: 0, max: 10 * RETRY_AFTER_MS_MAX }),
  }),
  fc.constant<Outcome>({ kind: 'timed_out', phase: 'headers', afterMs: 5_000 }),
  fc.constant<Outcome>({ kind: 'unreachable', cause: 'refused', detail: 'connect_refused' }),
  fc.constant<Outcome>({ kind: 'invalid_response' }),
  fc.constant<Outcome>({ kind: 'interrupted' }),
  fc.constant<Outcome>({ kind: 'blocked' }),
)
const wishes = fc.uniqueArray(fc.constantFrom<ReceiverWish>('abort-message', 'disable')).map((words) => new Set(words))
const schedule = fc.array(fc.integer({ min: 1, max: 86_400 }), { maxLength: 24 })
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const scheduled = fc.constantFrom<Cause>('event', 'replay')
const single = fc.constantFrom<Cause>('test', 'resend', 'recover')

describe('decide', () => {
  test('a final 2xx is delivered, whatever the receiver wishes and however many attempts there were', () => {
    const success = fc.record({ kind: fc.constant('responded' as const), status: fc.integer({ min: 200, max: 299 }) })
    fc.assert(
      fc.property(success, wishes, fc.oneof(scheduled, single), fc.nat(30), (met, wished, cause, attempt) => {
        const state = decide({ outcome: met, wishes: wished }, { cause, attempt: attempt + 1 }, [5], endedAt, 0.5)
        expect(state).toEqual({ status: 'delivered', deliveredAt: endedAt })
      }),
    )
  })

  test('a retry is never before its wait, and later only by jitter of at most 10 % or by Retry-After up to 24 h', () => {
    fc.assert(
      fc.property(
        outcome,
        scheduled,
        schedule,
        fc.integer({ min: 1, max: 26 }),
        random,
        (met, cause, waits, attempt, chance) => {
          const state = decide({ outcome: met, wishes: none }, { cause, attempt }, waits, endedAt, chance)
          if (state.status !== 'pending') return
          const waitMs = (waits[attempt - 1] ?? Number.NaN) * 1000
          const askedMs = met.kind === 'responded' ? Math.min(met.retryAfterMs ?? 0, RETRY_AFTER_MS_MAX) : 0
          const tookMs = state.nextAttemptAt.getTime() - endedAt.getTime()
          expect(tookMs).toBeGreaterThanOrEqual(Math.max(waitMs, askedMs))
          expect(tookMs).toBeLessThanOrEqual(Math.max(waitMs * 1.1 + 1, askedMs))
          expect(state.attemptsMade).toBe(attempt)
        },
      ),
    )
  })

  test('a delivery goes on exactly as long as its schedule has waits: n waits make n + 1 attempts', () => {
    fc.assert(
      fc.property(scheduled, schedule, (cause, waits) => {
        let attempts = 0
        for (;;) {
          attempts += 1
          const met = { outcome: { kind: 'responded', status: 500 } as const, wishes: none }
          const state = decide(met, { cause, attempt: attempts }, waits, endedAt, 0)
          if (state.status !== 'pending') {
            expect(state).toEqual({ status: 'dead_letter', reason: 'schedule_exhausted', diedAt: endedAt })
            break
          }
        }
        expect(attempts).toBe(waits.length + 1)
      }),
    )
  })

  test('an attempt on request is never followed by a retry', () => {
    fc.assert(
      fc.property(outcome, wishes, single, random, (met, wished, cause, chance) => {
        const state = decide(
          { outcome: met, wishes: wished },
          { cause, attempt: 1 },
          DEFAULT_RETRY_SCHEDULE,
          endedAt,
          chance,
        )
        expect(state.status).not.toBe('pending')
      }),
    )
  })

  test.each<[string, Outcome, ReceiverWish[], string]>([
    ['410', { kind: 'responded', status: 410 }, [], 'endpoint_gone'],
    ['a blocked address', { kind: 'blocked' }, [], 'blocked'],
    ['abort-message after a failure', { kind: 'responded', status: 500 }, ['abort-message'], 'aborted_by_receiver'],
  ])('%s ends the delivery at once', (_, met, wished, reason) => {
    const state = decide({ outcome: met, wishes: new Set(wished) }, { cause: 'event', attempt: 1 }, [5], endedAt, 0)
    expect(state).toEqual({ status: 'dead_letter', reason, diedAt: endedAt })
  })

  test.each<[string, Outcome]>([
    ['a redirect', { kind: 'responded', status: 302 }],
    ['a client error', { kind: 'responded', status: 400 }],
    ['an answer that is no HTTP', { kind: 'invalid_response' }],
    ['an attempt stopped on our side', { kind: 'interrupted' }],
  ])('%s is a failure like any other', (_, met) => {
    expect(decide({ outcome: met, wishes: none }, { cause: 'event', attempt: 1 }, [5], endedAt, 0).status).toBe(
      'pending',
    )
  })

  test('the default schedule is ten attempts over 75 h 35 min 5 s', () => {
    expect(DEFAULT_RETRY_SCHEDULE).toHaveLength(9)
    expect(DEFAULT_RETRY_SCHEDULE.reduce((sum, wait) => sum + wait)).toBe(75 * 3600 + 35 * 60 + 5)
  })
})

test.each([
  ['abort-message', ['abort-message']],
  [' Disable , ABORT-MESSAGE', ['disable', 'abort-message']],
  ['abort, disabled, ,', []],
  [undefined, []],
])('webhook-delivery: %s', (header, expected) => {
  expect([...parseReceiverWishes(header)]).toEqual(expected)
})
