import type { Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import { type Announcement, announcement, type OperationalType } from '#src/events/announce.ts'
import { isSingleAttempt } from './delivery.ts'
import type { AttemptRecord } from './store.ts'

/** The failed attempt after which operators hear of a message. */
const FAILING_AT = 4
const NONE: readonly never[] = []
const DAY_MS = 86_400_000

type Parts = { ids: IdSource; clock: Clock }

/**
 * What an outcome means for those who operate the environment. Failures count where a schedule is followed: what somebody
 * tries on request he sees himself. A success may be a recovery; whether it is one the database knows. Source: webhook-api 11.
 */
export function meaningOf(record: Pick<AttemptRecord, 'delivery' | 'number' | 'state'>): readonly OperationalType[] {
  const { delivery, number, state } = record
  const { cause } = delivery
  if (cause === 'test' || state.status === 'canceled') return NONE
  if (state.status === 'delivered') {
    const isFirstOfItsOwn = cause === 'event' && number <= FAILING_AT
    return isFirstOfItsOwn ? NONE : ['message.attempt.recovered']
  }
  if (isSingleAttempt(cause)) return NONE
  const types: OperationalType[] = []
  if (number === FAILING_AT) types.push('message.attempt.failing')
  if (state.status === 'dead_letter') types.push('message.attempt.exhausted')
  return types
}

/** Announcements of one outcome; mostly none. */
export function announcementsOf(
  record: Omit<AttemptRecord, 'epoch' | 'announcements'>,
  parts: Parts,
): readonly Announcement[] {
  const types = meaningOf(record)
  if (types.length === 0) return NONE
  const { delivery, id: attemptId, statusCode, startedAt } = record
  const { accountId, endpointId, eventId } = delivery
  const lastAttempt = { id: attemptId, responseStatusCode: statusCode, timestamp: startedAt.toISOString() }
  const named = { accountId, endpointId, eventId, attemptId }
  return types.map((type) => announcement(type, named, { lastAttempt }, parts))
}

/** An endpoint that has failed for a share of the time after which it is disabled. */
export function warningsOf(
  endpoint: { accountId: string; endpointId: string },
  {
    failingSince,
    percents,
    days,
    disables,
  }: { failingSince: Date; percents: readonly number[]; days: number; disables: boolean },
  parts: Parts,
): Announcement[] {
  const disableAt = disables ? new Date(failingSince.getTime() + days * DAY_MS).toISOString() : null
  return percents.map((percent) =>
    announcement('endpoint.failing', endpoint, { failSince: failingSince.toISOString(), percent, disableAt }, parts),
  )
}

/** An endpoint that its failures, or its receiver, have ended. */
export function disabledBy(
  endpoint: { accountId: string; endpointId: string },
  failingSince: Date | null,
  parts: Parts,
): Announcement {
  const details = { failSince: failingSince?.toISOString() ?? null, trigger: 'automatic' }
  return announcement('endpoint.disabled', endpoint, details, parts)
}
