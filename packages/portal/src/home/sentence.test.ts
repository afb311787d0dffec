import type { Summary } from '@producersync/server/contract'
import { expect, test } from 'vitest'
import { healthSentence, worstOf } from './sentence.ts'

const NONE = { total: 0, unverified: 0, healthy: 0, degraded: 0, failing: 0, paused: 0, disabled: 0 }

test.each([
  [{}, 'No endpoint yet: nothing is delivered.'],
  [{ total: 3, failing: 1, healthy: 2 }, '1 endpoint failing since 09:12.'],
  [{ total: 3, failing: 2, paused: 1 }, '2 endpoints failing since 09:12.'],
  [{ total: 3, paused: 1, healthy: 2 }, '1 endpoint paused after failures; deliveries wait.'],
  [{ total: 2, degraded: 1, healthy: 1 }, '1 endpoint answers slowly or with errors.'],
  [{ total: 1, healthy: 1 }, 'The endpoint is healthy.'],
  [{ total: 100, healthy: 100 }, 'All 100 endpoints are healthy.'],
  [
    { total: 4, healthy: 2, disabled: 1, unverified: 1 },
    '2 of 3 enabled endpoints are healthy, 1 not tried yet, 1 disabled.',
  ],
  [{ total: 1, unverified: 1 }, '1 endpoint not tried yet.'],
  [{ total: 2, disabled: 2 }, 'All endpoints are disabled: nothing is delivered.'],
])('%j reads %s', (states, sentence) => {
  const summary = { endpoints: { ...NONE, ...states }, failingSince: '2026-11-23T14:12:00Z' } as unknown as Summary
  expect(healthSentence(summary, () => '09:12')).toBe(sentence)
})

test('S1.2: the sentence leads to the endpoints that it is about: the worst, else all', () => {
  const of = (states: object) => worstOf({ endpoints: { ...NONE, ...states } } as unknown as Summary)
  expect([
    of({ failing: 1, paused: 2 }),
    of({ paused: 1, degraded: 1 }),
    of({ degraded: 1 }),
    of({ healthy: 3 }),
  ]).toEqual(['failing', 'paused', 'degraded', undefined])
})
