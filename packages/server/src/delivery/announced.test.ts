import { expect, test } from 'vitest'
import { meaningOf } from './announced.ts'
import type { Cause, DeliveryState } from './delivery.ts'

const at = new Date('2026-03-01T00:00:00.000Z')
const pending: DeliveryState = { status: 'pending', attemptsMade: 4, nextAttemptAt: at }
const dead: DeliveryState = { status: 'dead_letter', reason: 'schedule_exhausted', diedAt: at }
const delivered: DeliveryState = { status: 'delivered', deliveredAt: at }
const canceled: DeliveryState = { status: 'canceled', canceledAt: at }

test.each<{ cause: Cause; number: number; state: DeliveryState; meaning: string[] }>([
  { cause: 'event', number: 3, state: pending, meaning: [] },
  { cause: 'event', number: 4, state: pending, meaning: ['message.attempt.failing'] },
  { cause: 'replay', number: 4, state: pending, meaning: ['message.attempt.failing'] },
  { cause: 'event', number: 5, state: pending, meaning: [] },
  { cause: 'event', number: 1, state: dead, meaning: ['message.attempt.exhausted'] },
  { cause: 'event', number: 4, state: dead, meaning: ['message.attempt.failing', 'message.attempt.exhausted'] },
  { cause: 'event', number: 10, state: dead, meaning: ['message.attempt.exhausted'] },
  { cause: 'resend', number: 0, state: dead, meaning: [] },
  { cause: 'recover', number: 0, state: dead, meaning: [] },
  { cause: 'test', number: 0, state: dead, meaning: [] },
  { cause: 'event', number: 4, state: canceled, meaning: [] },
  // the common case asks the database nothing
  { cause: 'event', number: 1, state: delivered, meaning: [] },
  { cause: 'event', number: 4, state: delivered, meaning: [] },
  { cause: 'event', number: 5, state: delivered, meaning: ['message.attempt.recovered'] },
  { cause: 'replay', number: 1, state: delivered, meaning: ['message.attempt.recovered'] },
  { cause: 'resend', number: 0, state: delivered, meaning: ['message.attempt.recovered'] },
  { cause: 'recover', number: 0, state: delivered, meaning: ['message.attempt.recovered'] },
  { cause: 'test', number: 0, state: delivered, meaning: [] },
])('attempt $number of $cause, then $state.status: $meaning', ({ cause, number, state, meaning }) => {
  const delivery = {
    ...{ accountId: 'app_1', eventId: 'msg_1', deliveryId: '', endpointId: 'ep_1', shard: 0, queue: 'first' as const },
    ...{
      cause,
      attemptsMade: 0,
      createdAt: at,
      dueAt: at,
      payload: null,
      contentType: null,
      signing: null,
      taskId: null,
      requestedBy: null,
      bundle: null,
    },
  }
  expect(meaningOf({ delivery, number, state })).toEqual(meaning)
})
