import { describe, expect, test } from 'vitest'
import { check, type Evidence, type Rule } from './check.ts'
import type { Fault, Loss } from './history.ts'
import { Ledger, type Line } from './ledger.ts'
import type { StoredAttempt, StoredPending } from './stored.ts'

/**
 * The checker is what the rig is worth: a healthy run passes, and each planted loss, duplicate, overlap, early retry or late
 * write turns it red, by the rule that names it.
 */

const WAITS_MS = [1_000, 2_000]
const A = { owner: 'worker-1#1' }
const B = { owner: 'worker-2#1' }

type Told = {
  lines?: Partial<Line>[]
  rows?: Partial<StoredAttempt>[]
  pending?: Partial<StoredPending>[]
  stored?: boolean
  acknowledged?: readonly string[]
  faults?: Partial<Fault>[]
  losses?: Partial<Loss>[]
  databaseBackAtMs?: number[]
}

/** A run of one event to one endpoint. */
function evidence(told: Told): Evidence {
  const ledger = new Ledger()
  ledger.publish({ uid: 'c1', account: 0, type: 'chaos.even', bodyHash: 'body', sentAtMs: 0 })
  for (const messageId of told.acknowledged ?? ['msg_1']) ledger.acknowledge('c1', messageId, 10)
  const events = told.stored === false ? [] : [{ messageId: 'msg_1', account: 0, uid: 'c1', createdAtMs: 5 }]
  const place = { messageId: 'msg_1', endpoint: 0 }
  return {
    publications: [...ledger.publications.values()],
    endpoints: [{ number: 0, account: 0, types: null }],
    lines: (told.lines ?? []).map((line) => ({
      ...place,
      connection: A,
      beginMs: 20,
      endMs: (line.beginMs ?? 20) + 1,
      status: 200,
      bodyHash: 'body',
      verified: true,
      readTooLate: false,
      ...line,
    })),
    stored: {
      events,
      attempts: (told.rows ?? []).map((row) => ({
        ...place,
        number: 1,
        outcome: 'responded',
        status: 200,
        startedAtMs: 18,
        durationMs: 4,
        state: 'delivered',
        ...row,
      })),
      pending: (told.pending ?? []).map((row) => ({ ...place, attemptsMade: 0, overdueMs: 0, owned: true, ...row })),
    },
    faults: (told.faults ?? []).map((fault) => ({ kind: 'kill', victim: 'worker-1', atMs: 0, untilMs: 0, ...fault })),
    losses: (told.losses ?? []).map((loss) => ({ owner: 'worker-1#1', atMs: 0, how: 'kill', ...loss })),
    databaseBackAtMs: told.databaseBackAtMs ?? [],
    waitsMs: WAITS_MS,
    concurrencyMax: 3,
  }
}

const HEALTHY: Told = { lines: [{}], rows: [{}] }
/** A first failure at 20, and a retry so long after its end. */
function retried(afterMs: number): Told {
  const beginMs = 21 + afterMs
  return {
    lines: [{ status: 503 }, { beginMs }],
    rows: [
      { status: 503, state: 'pending' },
      { number: 2, startedAtMs: beginMs - 2 },
    ],
  }
}

function broken(told: Told): Rule[] {
  return [...new Set(check(evidence(told)).breaches.map(({ rule }) => rule))]
}

test('a run in which all went well passes', () => {
  expect(broken(HEALTHY)).toEqual([])
  expect(broken(retried(1_050))).toEqual([])
  expect(broken({ pending: [{}] })).toEqual([])
  expect(check(evidence(HEALTHY))).toMatchObject({ delivered: 1, duplicates: 0, duplicatesBound: 0, attempts: 1 })
})

describe('each planted fault is found', () => {
  const planted: [string, Told, Rule[]][] = [
    ['acknowledged, and in no state', {}, ['lost']],
    ['acknowledged, and not stored at all', { stored: false }, ['lost']],
    ['stored without a delivery', { acknowledged: [] }, ['lost']],
    ['recorded as delivered, and no receiver has a line', { rows: [{}] }, ['lost']],
    ['recorded as delivered, and the receiver answered 503', { lines: [{ status: 503 }], rows: [{}] }, ['lost']],
    [
      'acknowledged as two messages',
      { lines: [{}], rows: [{}], acknowledged: ['msg_1', 'msg_2'] },
      ['lost', 'doubledEvents'],
    ],
    ['sent for an event that nobody stored', { ...HEALTHY, stored: false, acknowledged: [] }, ['foreign']],
    ['sent to an endpoint of somebody else', { ...HEALTHY, lines: [{}, { endpoint: 7 }] }, ['unexcused', 'foreign']],
    [
      'sent again after its success was recorded',
      { lines: [{}, { beginMs: 2_000 }], rows: [{}] },
      ['repeated', 'unexcused'],
    ],
    [
      'sent again, as nobody had recorded the success, without a fault',
      { lines: [{}, { beginMs: 900, connection: B }], rows: [{ startedAtMs: 899 }] },
      ['unexcused'],
    ],
    ['10 s overdue', { pending: [{ overdueMs: 10_001 }] }, ['stranded']],
    ['pending in the shard of a dead worker', { pending: [{ owned: false }] }, ['stranded']],
    ['retried too early', retried(970), ['early']],
    ['retried too late', retried(3_200), ['late']],
    ['a first attempt too late', { lines: [{ beginMs: 2_100 }], rows: [{ startedAtMs: 2_099 }] }, ['late']],
    [
      'two requests at once, of two workers that both live',
      { lines: [{ endMs: 900 }, { beginMs: 500, connection: B, status: 503 }], rows: [{ startedAtMs: 19 }] },
      ['overlaps'],
    ],
    [
      'an attempt that is recorded twice',
      { lines: [{}, { beginMs: 5_000 }], rows: [{}, { startedAtMs: 4_999 }] },
      ['repeated', 'staleWrites'],
    ],
    ['ended, and pending again', { ...HEALTHY, pending: [{}] }, ['staleWrites']],
    ['a signature that does not hold', { lines: [{ verified: false }], rows: [{}] }, ['badSignatures']],
    ['another body', { lines: [{ bodyHash: 'other' }], rows: [{}] }, ['bodyMismatches']],
  ]
  for (const [name, told, rules] of planted) {
    test(name, () => {
      expect(broken(told).toSorted()).toEqual(rules.toSorted())
    })
  }
})

describe('the bound on duplicates', () => {
  const repeat: Told = {
    lines: [{}, { beginMs: 4_600, connection: B }],
    rows: [{ startedAtMs: 4_599 }],
    faults: [{ atMs: 500, untilMs: 2_000 }],
  }

  test('counts what a killed worker had not recorded, and excuses its repeat', () => {
    const verdict = check(evidence({ ...repeat, losses: [{ atMs: 500 }] }))
    expect(verdict).toMatchObject({ duplicates: 1, duplicatesBound: 1, breaches: [] })
  })

  test('does not count what another worker had in hand', () => {
    const verdict = check(evidence({ ...repeat, losses: [{ atMs: 500, owner: 'worker-2#1' }] }))
    expect(verdict).toMatchObject({ duplicates: 1, duplicatesBound: 0 })
    expect(verdict.breaches).toMatchObject([{ rule: 'unexcused' }])
  })

  test('does not count what had been answered long before the kill', () => {
    const verdict = check(evidence({ ...repeat, losses: [{ atMs: 1_500 }] }))
    expect(verdict).toMatchObject({ duplicates: 1, duplicatesBound: 0 })
  })

  test('counts what a worker that was cut off could not record for seconds', () => {
    const partition: Partial<Fault> = { kind: 'partition', atMs: 100, untilMs: 8_100 }
    const verdict = check(evidence({ ...repeat, faults: [partition], losses: [{ atMs: 3_100, how: 'lease' }] }))
    expect(verdict).toMatchObject({ duplicates: 1, duplicatesBound: 1, breaches: [] })
  })

  test('counts an answer that came after the deadline', () => {
    const late = { lines: [{ endMs: 3_100 }, { beginMs: 4_200 }], rows: [] as Partial<StoredAttempt>[] }
    late.rows.push({ outcome: 'timed_out', status: 0, durationMs: 3_000, state: 'pending' })
    late.rows.push({ number: 2, startedAtMs: 4_199 })
    expect(check(evidence(late))).toMatchObject({ duplicates: 1, duplicatesBound: 1, breaches: [] })
  })
})

test('lateness within 10 s of a fault is counted apart', () => {
  const fault = (untilMs: number): Partial<Fault>[] => [{ atMs: -20_000, untilMs }]
  expect(check(evidence({ ...retried(3_200), faults: fault(-8_900) }))).toMatchObject({
    lateInFault: [{ ms: 100 }],
    breaches: [],
  })
  expect(broken({ ...retried(3_200), faults: fault(-9_100) })).toEqual(['late'])
})

test('lateness counts from when the endpoint had room for one more request', () => {
  const busy = (endMs: number): Partial<Line>[] =>
    [1, 2, 3].map((n) => ({ messageId: `msg_1${n}`, beginMs: 15, endMs: n === 1 ? endMs : 9_000 }))
  const waited = (endMs: number): Told => ({
    lines: [...busy(endMs), { beginMs: 5_000 }],
    rows: [{ startedAtMs: 4_999 }],
  })
  expect(broken(waited(3_001))).not.toContain('late')
  expect(broken(waited(2_999))).toContain('late')
})

test('an overlap is excused by a freeze of one of its workers alone', () => {
  const overlap: Told = {
    lines: [
      { endMs: 9_000, status: 0 },
      { beginMs: 4_500, connection: B },
    ],
    rows: [{ startedAtMs: 4_499 }],
    losses: [{ atMs: 100, how: 'stop' }],
  }
  const freeze = (victim: string): Partial<Fault>[] => [{ kind: 'stop', victim, atMs: 100, untilMs: 7_000 }]
  expect(check(evidence({ ...overlap, faults: freeze('worker-1') }))).toMatchObject({ overlapsFrozen: 1, breaches: [] })
  expect(check(evidence({ ...overlap, faults: freeze('worker-3') }))).toMatchObject({ overlapsFrozen: 0 })
  expect(broken({ ...overlap, faults: freeze('worker-3') })).toEqual(['overlaps'])
})

test('what a frozen process had in its hand and sends when it wakes is excused, and counted', () => {
  const woken: Told = {
    lines: [{ connection: B }, { beginMs: 7_002 }],
    rows: [{}],
    faults: [{ kind: 'stop', atMs: 10, untilMs: 7_000 }],
    losses: [{ atMs: 11, how: 'stop' }],
  }
  expect(check(evidence(woken))).toMatchObject({ duplicates: 1, duplicatesBound: 1, breaches: [] })
  expect(broken({ ...woken, lines: [{ connection: B }, { beginMs: 8_100 }] })).toEqual(['repeated', 'unexcused'])
  expect(broken({ ...woken, lines: [{ connection: A }, { beginMs: 7_002, connection: B }] })).toEqual([
    'repeated',
    'unexcused',
  ])
})

test('a request that was read when its sender had gone says nothing of when it was sent', () => {
  const readLate: Told = {
    lines: [
      { beginMs: 4_000, endMs: 4_040 },
      { beginMs: 4_020, endMs: 4_060, status: 0, readTooLate: true },
      { beginMs: 5_000, endMs: 5_001, status: 0, readTooLate: true },
    ],
    rows: [{ startedAtMs: 3_990, durationMs: 60 }],
    faults: [{ atMs: 0, untilMs: 2_000 }],
  }
  expect(check(evidence(readLate))).toMatchObject({ duplicates: 0, breaches: [] })
  const onTime = { ...readLate, lines: readLate.lines?.map((line) => ({ ...line, readTooLate: false })) ?? [] }
  expect(broken(onTime).toSorted()).toEqual(['overlaps', 'repeated'])
})

test('takeover is counted from the death of a worker to the next attempt of what it had in flight', () => {
  const cut: Told = {
    lines: [
      { endMs: 500, status: 0 },
      { beginMs: 4_600, connection: B },
    ],
    rows: [{ startedAtMs: 4_599 }],
    faults: [{ atMs: 500, untilMs: 2_000 }],
    losses: [{ atMs: 500 }],
  }
  expect(check(evidence(cut)).takeovers).toMatchObject([{ ms: 4_100 }])
  expect(check(evidence({ ...cut, databaseBackAtMs: [400, 3_000, 9_000] })).takeovers).toMatchObject([{ ms: 1_600 }])
})
