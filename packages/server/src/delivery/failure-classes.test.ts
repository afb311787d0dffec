import { describe, expect, test } from 'vitest'
import { unreachable } from '#src/adapters/outgoing/outcome.ts'
import { brokenTls, met, responded } from '../../test/receiver-zoo-outcomes.ts'
import type { AttemptOutcome } from './delivery.ts'
import { classify, FAILURE_CLASSES } from './failure-classes.ts'

const timedOut = (phase: 'dns' | 'connect' | 'tls' | 'headers'): AttemptOutcome => ({
  kind: 'timed_out',
  phase,
  afterMs: 5_000,
})
const canceled = (why: 'canceled' | 'endpoint_disabled' | 'endpoint_deleted' | 'payload_expired'): AttemptOutcome => ({
  kind: 'canceled',
  why,
})

/** What receivers of the zoo end as; that they do, its own tests say. */
const OF_THE_ZOO = [
  ...met.map(([, , outcome]) => (outcome === 'timed_out' ? timedOut('headers') : outcome)),
  ...brokenTls.map(([, outcome]) => outcome),
]

/** What no receiver can bring about alone, or the zoo has no example of, and its class. */
const SITUATIONS: [AttemptOutcome, keyof typeof FAILURE_CLASSES][] = [
  [unreachable('dns_not_found'), 'dns_not_found'],
  [unreachable('dns_failed'), 'dns_failed'],
  [timedOut('dns'), 'dns_failed'],
  [unreachable('connect_unreachable'), 'connect_unreachable'],
  [timedOut('connect'), 'connect_timeout'],
  [timedOut('tls'), 'timeout'],
  [responded(400), 'http_rejected'],
  [responded(401), 'http_rejected'],
  [responded(403), 'http_rejected'],
  [responded(405), 'http_not_found'],
  [responded(429), 'http_busy'],
  [responded(418), 'http_client_error'],
  [responded(700), 'http_unexpected'],
  [{ kind: 'interrupted' }, 'interrupted'],
  [{ kind: 'blocked' }, 'blocked_address'],
  [canceled('canceled'), 'canceled'],
  [canceled('endpoint_disabled'), 'endpoint_disabled'],
  [canceled('endpoint_deleted'), 'endpoint_deleted'],
  [canceled('payload_expired'), 'payload_expired'],
]

describe('failure classes', () => {
  test.each(SITUATIONS)('%j is %s', (outcome, expected) => {
    expect(classify(outcome)).toBe(expected)
  })

  test('every class has a receiver or a situation that provokes it', () => {
    const provoked = new Set([...OF_THE_ZOO.map(classify), ...SITUATIONS.map(([, name]) => name)])
    expect(Object.keys(FAILURE_CLASSES).filter((name) => !provoked.has(name as keyof typeof FAILURE_CLASSES))).toEqual(
      [],
    )
  })

  test('every class has a title and says what to do in whole sentences, without an address or a placeholder that nobody fills', () => {
    for (const [name, { title, advice }] of Object.entries(FAILURE_CLASSES)) {
      expect(title, name).toMatch(/\S/)
      expect(advice, name).toMatch(/\S \S.*[.?]$/)
      expect(`${title} ${advice}`, name).not.toMatch(/\d+\.\d+\.\d+|\{|\$/)
    }
  })

  test('only what ends a delivery at once, or was not attempted, is not retried', () => {
    const ended = Object.entries(FAILURE_CLASSES).flatMap(([name, { retried }]) => (retried ? [] : [name]))
    expect(ended.toSorted()).toEqual(
      [
        'http_gone',
        'blocked_address',
        'canceled',
        'endpoint_disabled',
        'endpoint_deleted',
        'payload_expired',
      ].toSorted(),
    )
  })
})
