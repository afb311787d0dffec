import type { Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import { noteDisabled, noteWarnings } from './announced.ts'
import type { Attempted } from './attempt.ts'
import type { EndpointChange } from './attempt-store.ts'
import { isFailing, moveFailureClock } from './failure-clock.ts'
import type { Lane } from './lane.ts'

/**
 * What an outcome means for its endpoint, noted in the lane: proven, failing, recovered, to be disabled.
 * @returns whether the endpoint's row changes by it
 */
export function noteOutcome(
  lane: Lane,
  { met, record, endedAt }: Attempted,
  parts: { ids: IdSource; clock: Clock },
): boolean {
  const { target } = lane
  // an answer says nothing about an endpoint that has been given another URL meanwhile
  if (!target || target.url !== record.url) return false
  const attempt = { ...met, cause: record.delivery.cause, endedAt }
  const { clock, disable, warnings } = moveFailureClock(target.failureClock, attempt, target.failurePolicy)
  const proves = record.state.status === 'delivered' && target.provenAt === null
  const changes = proves || clock !== target.failureClock || disable !== null
  if (proves) target.provenAt = endedAt
  if (clock.failingSince === null && isFailing(target.failureClock, endedAt)) lane.recoveredAt = endedAt
  target.failureClock = clock
  noteWarnings(lane, target, warnings, parts)
  if (disable && !target.disabled) noteDisabled(lane, target, { reason: disable, at: endedAt }, parts)
  return changes
}

/** What is to be written of an endpoint with the next record; nothing of one that is not known here. */
export function changeOf(lane: Lane | undefined): EndpointChange | undefined {
  if (!lane?.target) return undefined
  const { accountId, version, provenAt, failureClock } = lane.target
  const { endpointId, disable, announcements, recoveredAt, breaker } = lane
  const pausedUntil = breaker.openUntil
  return { accountId, endpointId, version, provenAt, failureClock, recoveredAt, pausedUntil, disable, announcements }
}
