import { expect, test } from 'vitest'
import { kindsOf } from './attempt-kinds.ts'

const AT = new Date('2026-01-01T00:00:00Z')
const DELIVERY = {
  accountId: 'app_1',
  eventId: 'msg_1',
  deliveryId: '00000000-0000-4000-8000-000000000001',
  endpointId: 'ep_1',
  shard: 7,
  queue: 'first',
  cause: 'event',
  attemptsMade: 0,
  createdAt: AT,
  dueAt: AT,
  payload: null,
  contentType: null,
  signing: null,
  taskId: null,
  requestedBy: null,
  bundle: null,
} as const
const RECORD = {
  delivery: DELIVERY,
  number: 1,
  url: 'https://receiver.test/',
  outcome: 'responded',
  failureClass: null,
  statusCode: 200,
  phase: null,
  address: '192.0.2.1',
  security: { version: 'TLSv1.3', certificateExpiresAt: AT },
  state: { status: 'delivered', deliveredAt: AT },
  endsPlanned: false,
} as const
const DEAD = { status: 'dead_letter', reason: 'blocked', diedAt: AT } as const

test('outcomes that differ in nothing but their own ids and moments are of one kind', () => {
  const later = new Date('2026-01-01T00:00:01Z')
  const other = {
    ...RECORD,
    delivery: { ...DELIVERY, eventId: 'msg_2', deliveryId: '00000000-0000-4000-8000-000000000002', dueAt: later },
    security: { version: 'TLSv1.3', certificateExpiresAt: new Date(AT) }, // of another connection
    state: { status: 'delivered', deliveredAt: later },
  } as const
  expect(kindsOf([RECORD, other, { ...RECORD, url: 'https://other.test/' }, other])).toEqual({
    firsts: [RECORD, { ...RECORD, url: 'https://other.test/' }],
    numbers: [1, 1, 2, 1],
  })
})

test.each([
  { delivery: { ...DELIVERY, accountId: 'app_2' } },
  { delivery: { ...DELIVERY, endpointId: 'ep_2' } },
  { delivery: { ...DELIVERY, shard: 8 } },
  { delivery: { ...DELIVERY, queue: 'retry' as const } },
  { delivery: { ...DELIVERY, cause: 'replay' as const } },
  { delivery: { ...DELIVERY, attemptsMade: 1 } },
  { delivery: { ...DELIVERY, taskId: 'task_1' } },
  { delivery: { ...DELIVERY, requestedBy: 'somebody' } },
  { number: 2 },
  { url: 'https://receiver.test/2' },
  { outcome: 'timed_out' },
  { failureClass: 'http_busy' },
  { statusCode: 201 },
  { phase: 'connect' },
  { address: null },
  { security: null },
  { security: { version: 'TLSv1.2', certificateExpiresAt: AT } },
  { security: { version: 'TLSv1.3', certificateExpiresAt: null } },
  { state: DEAD },
  { endsPlanned: true },
])('what is written of a kind is true of each of it: $0', (difference) => {
  const other = { ...RECORD, ...difference }
  expect(kindsOf([RECORD, other])).toEqual({ firsts: [RECORD, other], numbers: [1, 2] })
})

test('deliveries that died of different reasons are of different kinds', () => {
  const one = { ...RECORD, state: DEAD }
  const other = { ...RECORD, state: { ...DEAD, reason: 'aborted_by_receiver' as const } }
  expect(kindsOf([one, other]).numbers).toEqual([1, 2])
})
