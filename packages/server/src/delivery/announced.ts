import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Target } from '#src/endpoints/target.ts'
import { type Announcement, announcement, type OperationalType } from '#src/events/announce.ts'
import type { AttemptRecord, EndpointChange } from './attempt-store.ts'
import { isSingleAttempt } from './delivery.ts'
import type { Lane } from './lane.ts'

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

/** Operators are to hear, with the next record, that an endpoint has failed for these shares of the time to its disabling. */
export function noteWarnings(
  lane: Lane,
  { failureClock: { failingSince }, failurePolicy: { disableAfterDays, disableFailing } }: Target,
  percents: readonly number[],
  parts: Parts,
): void {
  if (failingSince === null || percents.length === 0) return
  const failSince = failingSince.toISOString()
  const disableAt = disableFailing ? addMs(failingSince, disableAfterDays * DAY_MS).toISOString() : null
  const warnings = percents.map((percent) =>
    announcement('endpoint.failing', nameOf(lane), { failSince, percent, disableAt }, parts),
  )
  lane.announcements = [...lane.announcements, ...warnings]
}

/** An endpoint is disabled with the next record, by its failures or its receiver; operators hear of it once. */
export function noteDisabled(
  lane: Lane,
  { failureClock: { failingSince } }: Target,
  disable: NonNullable<Lane['disable']>,
  parts: Parts,
): void {
  if (lane.disable === null) {
    const details = { failSince: failingSince?.toISOString() ?? null, trigger: 'automatic' }
    lane.announcements = [...lane.announcements, announcement('endpoint.disabled', nameOf(lane), details, parts)]
  }
  lane.disable = disable
}

/** What came with this change is written, or has become untrue: somebody else has changed the endpoint, and it is read anew. */
export function forgetAnnounced(lane: Lane, { announcements }: EndpointChange): void {
  lane.announcements = lane.announcements.filter((announced) => !announcements.includes(announced))
}

function nameOf({ accountId, endpointId }: Lane): { accountId: string; endpointId: string } {
  return { accountId, endpointId }
}
