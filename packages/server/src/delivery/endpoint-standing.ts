import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Target } from '#src/endpoints/target.ts'
import { noteDisabled, noteWarnings } from './announced.ts'
import type { Attempted } from './attempt.ts'
import type { EndpointChange } from './attempt-store.ts'
import { isFailing, moveFailureClock } from './failure-clock.ts'
import type { Lane } from './lane.ts'

/** An endpoint whose servers have different certificates goes back and forth between them no more often. */
const CERTIFICATE_MS = 3_600_000

/**
 * What an outcome means for its endpoint, noted in the lane: proven, failing, recovered, to be disabled; and until when its certificate holds.
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
  const shows = noteCertificate(lane, target, record.security?.certificateExpiresAt ?? null, endedAt)
  const changes = proves || shows || clock !== target.failureClock || disable !== null
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
  const { accountId, version, provenAt, failureClock, certificateEndsAt } = lane.target
  const { endpointId, disable, announcements, recoveredAt, breaker } = lane
  return {
    ...{ accountId, endpointId, version, provenAt, failureClock, certificateEndsAt, recoveredAt },
    ...{ pausedUntil: breaker.openUntil, disable, announcements },
  }
}

/** A later end is noted at once, as somebody has renewed; an earlier one only so often. @returns whether it is another end */
function noteCertificate(lane: Lane, target: Target, endsAt: Date | null, at: Date): boolean {
  const known = target.certificateEndsAt
  if (endsAt === null || endsAt.getTime() === known?.getTime()) return false
  const isEarlier = known !== null && endsAt < known
  if (isEarlier && lane.certificateNotedAt !== null && at < addMs(lane.certificateNotedAt, CERTIFICATE_MS)) return false
  target.certificateEndsAt = endsAt
  lane.certificateNotedAt = at
  return true
}
