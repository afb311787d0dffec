import { expect, test } from 'vitest'
import type { ReceivedRequest } from './ledger.ts'
import { type Evidence, type RecordedAttempt, reckon, type Takeover } from './reckoning.ts'

const NPNS = ['1000001', '1000002', '1000003']
const STARTED_AT = Date.parse('2026-03-06T15:00:00.250Z')
const KILLED_AT_MS = 20_000

function messageOf(npn: string): string {
  return `msg_${npn.padStart(27, '0')}`
}

/** A request about an NPN that was answered with 200 in the second `second`; `changes` say what was different. */
function request(npn: string, second: number, changes: Partial<ReceivedRequest> = {}): ReceivedRequest {
  const messageId = messageOf(npn)
  return {
    messageId,
    timestamp: Math.floor(STARTED_AT / 1000) + second,
    generation: 0,
    unverified: null,
    event: { id: messageId.replace('msg_', 'evt_'), type: 'producersync.npn.activated', npn },
    answer: 200,
    answeredAtMs: second * 1000,
    ...changes,
  }
}

function attempt(npn: string, second: number, status = 200): RecordedAttempt {
  return { messageId: messageOf(npn), at: new Date(STARTED_AT + second * 1000), status }
}

/** Three NPNs, delivered at once and recorded; the service was killed later. */
function evidence(
  changes: { requests?: ReceivedRequest[]; attempts?: RecordedAttempt[] } & Partial<Evidence> = {},
): Evidence {
  const { requests = [], attempts = [], ...others } = changes
  return {
    added: NPNS,
    removed: [],
    acknowledged: NPNS.length,
    events: NPNS.map((npn) => ({ messageId: messageOf(npn), type: 'producersync.npn.activated', npn })),
    attempts: [...NPNS.map((npn) => attempt(npn, 1)), ...attempts],
    ledger: { requests: [...NPNS.map((npn) => request(npn, 1)), ...requests], killedAtMs: [KILLED_AT_MS] },
    takeovers: [takeover(4_000), takeover(4_500)],
    seconds: 40,
    ...others,
  }
}

const [npn = ''] = NPNS

test('when everything came once and is recorded, there is no fault', () => {
  expect(reckon(evidence())).toEqual({
    figures: {
      accepted: 3,
      delivered: 3,
      verified: 3,
      retried: 0,
      duplicates: 0,
      duplicatesBound: 0,
      lost: 0,
      takeoverMs: 4_500,
      seconds: 40,
    },
    faults: [],
  })
})

test('what the receiver refused or left hanging before counts as retried, and as no duplicate', () => {
  const refused = request(npn, 0, { answer: 503 })
  const hanging = request(NPNS[1] ?? '', 0, { answer: null, answeredAtMs: null })
  const attempts = [attempt(npn, 0, 503), attempt(NPNS[1] ?? '', 0, 0)]
  const { figures, faults } = reckon(evidence({ requests: [refused, hanging], attempts }))
  expect(figures).toMatchObject({ retried: 2, duplicates: 0, duplicatesBound: 0 })
  expect(faults).toEqual([])
})

test('a repeat of what was answered just before a kill and not recorded is within the bound', () => {
  const before = request(npn, 19)
  const repeat = request(npn, 24, { generation: 1 })
  const requests = [before, repeat, request(NPNS[1] ?? '', 1), request(NPNS[2] ?? '', 1)]
  const attempts = [attempt(npn, 24), attempt(NPNS[1] ?? '', 1), attempt(NPNS[2] ?? '', 1)]
  const ledger = { requests, killedAtMs: [KILLED_AT_MS] }
  const { figures, faults } = reckon(evidence({ ledger, attempts }))
  expect(figures).toMatchObject({ duplicates: 1, duplicatesBound: 1 })
  expect(faults).toEqual([])
})

test('a repeat after a 200 that the service recorded as a timeout is within the bound', () => {
  const late = request(npn, 0)
  const { figures, faults } = reckon(evidence({ requests: [late], attempts: [attempt(npn, 0, 0)] }))
  expect(figures).toMatchObject({ duplicates: 1, duplicatesBound: 1 })
  expect(faults).toEqual([])
})

test('what was in flight at a kill widens the bound, whether it is repeated or not', () => {
  const cutOff = request(npn, 18, { answer: null, answeredAtMs: null })
  expect(reckon(evidence({ requests: [cutOff] })).figures.duplicatesBound).toBe(1)
})

test('an attempt is told from the repeat after it although its time is that of its end', () => {
  const hanging = request(npn, 0, { answer: null, answeredAtMs: null })
  const requests = [hanging, ...evidence().ledger.requests.map((each) => ({ ...each, timestamp: each.timestamp + 9 }))]
  const attempts = [attempt(npn, 5, 0), ...NPNS.map((each) => attempt(each, 10))]
  const { figures, faults } = reckon(evidence({ ledger: { requests, killedAtMs: [KILLED_AT_MS] }, attempts }))
  expect(figures).toMatchObject({ retried: 1, duplicates: 0, duplicatesBound: 0 })
  expect(faults).toEqual([])
})

test('a repeat that no kill explains is a fault, recorded or not', () => {
  const recorded = evidence({ requests: [request(npn, 8)], attempts: [attempt(npn, 8)] })
  expect(reckon(recorded).faults).toEqual(['1 duplicates are more than the bound of 0.'])
  const long = evidence({ requests: [request(npn, 8)] })
  expect(reckon(long).faults).toHaveLength(2)
  const later = evidence({ requests: [request(npn, 25, { generation: 1 })] })
  expect(reckon(later).faults).toEqual([
    '1 duplicates are more than the bound of 0.',
    'Of 1 requests there is no attempt, and no kill accounts for it.',
  ])
})

const foreignId = `msg_${'9'.repeat(27)}`
test.each<[string, Evidence, string]>([
  ['an accepted change that never came', withRequests((all) => all.slice(1)), '1 accepted changes were not delivered.'],
  [
    'one that came and was always refused',
    withRequests((all) => all.map((each, index) => (index === 0 ? { ...each, answer: 503 } : each))),
    '1 accepted changes were not delivered.',
  ],
  [
    'a change that was not accepted',
    evidence({
      acknowledged: 2,
      events: evidence().events.slice(1),
      ledger: withRequests((all) => all.slice(1)).ledger,
    }),
    '3 changes were asked for, 2 were accepted.',
  ],
  [
    'a change acknowledged without an event',
    evidence({ events: evidence().events.slice(1), ledger: withRequests((all) => all.slice(1)).ledger }),
    '1 accepted changes were not delivered.',
  ],
  [
    'a change with two events',
    evidence({
      events: [...evidence().events, { messageId: foreignId, type: 'producersync.npn.activated', npn }],
      acknowledged: 4,
      requests: [request(npn, 2, { messageId: foreignId, event: { ...eventOf(npn), id: `evt_${'9'.repeat(27)}` } })],
      attempts: [{ ...attempt(npn, 2), messageId: foreignId }],
    }),
    '1 changes have more than one event.',
  ],
  [
    'a wrong signature',
    evidence({ requests: [request(npn, 0, { unverified: 'no_matching_signature', event: null, answer: 401 })] }),
    'Requests came whose signature is wrong.',
  ],
  [
    'a wrong signature that the receiver took',
    withRequests((all) => all.map((each, i) => (i === 0 ? { ...each, unverified: 'no_matching_signature' } : each))),
    '1 deliveries were not verified.',
  ],
  [
    'an id of nobody',
    evidence({
      requests: [request(npn, 2, { messageId: foreignId })],
      attempts: [{ ...attempt(npn, 2), messageId: foreignId }],
    }),
    'Requests came with an id that the account does not have, or with data other than what was accepted.',
  ],
  [
    'another NPN than the one accepted',
    withRequests((all) => all.map((each, i) => (i === 0 ? { ...each, event: { ...eventOf(npn), npn: '7' } } : each))),
    'Requests came with an id that the account does not have, or with data other than what was accepted.',
  ],
  [
    'a slow takeover',
    evidence({ takeovers: [takeover(4_000), takeover(9_001, 1_000)] }),
    'The takeover took 8001 ms beside waiting for a processor, more than 8000.',
  ],
  ['no takeover at all', evidence({ takeovers: [] }), 'Nothing was delivered after a kill.'],
])('%s is a fault', (_, given, fault) => {
  expect(reckon(given).faults).toContain(fault)
})

test('a machine that has no time for the service makes a takeover slow, which is no fault of it', () => {
  const { figures, faults } = reckon(evidence({ takeovers: [takeover(4_000), takeover(9_000, 1_000)] }))
  expect(figures.takeoverMs).toBe(9_000)
  expect(faults).toEqual([])
})

function takeover(tookMs: number, starvedMs = 0): Takeover {
  return { tookMs, starvedMs }
}

function withRequests(change: (requests: ReceivedRequest[]) => ReceivedRequest[]): Evidence {
  const sound = evidence()
  return { ...sound, ledger: { ...sound.ledger, requests: change(sound.ledger.requests) } }
}

function eventOf(about: string) {
  return { id: messageOf(about).replace('msg_', 'evt_'), type: 'producersync.npn.activated', npn: about }
}
