import type { AttemptRecord } from './attempt-store.ts'

/** Records by what they are written with: the first of each kind, and of which kind each record is, 1, 2, … */
export type Kinds = { firsts: AttemptRecord[]; numbers: number[] }

/** What the records of an endpoint mostly have in common is so given to the database once: each value costs it a little. */
export function kindsOf(records: readonly AttemptRecord[]): Kinds {
  const firsts: AttemptRecord[] = []
  const ofEndpoints = new Map<string, { first: AttemptRecord; number: number }[]>()
  const numbers = records.map((record) => {
    const { endpointId } = record.delivery
    const kinds = ofEndpoints.get(endpointId) ?? []
    const known = kinds.find(({ first }) => isAlike(first, record))
    if (known) return known.number
    const number = firsts.push(record)
    kinds.push({ first: record, number })
    ofEndpoints.set(endpointId, kinds)
    return number
  })
  return { firsts, numbers }
}

/** Alike in all columns that `recordAttempts` takes of the first of a kind. */
function isAlike(one: AttemptRecord, other: AttemptRecord): boolean {
  return (
    one.number === other.number &&
    one.url === other.url &&
    one.outcome === other.outcome &&
    one.failureClass === other.failureClass &&
    one.statusCode === other.statusCode &&
    one.phase === other.phase &&
    one.endsPlanned === other.endsPlanned &&
    isSameDelivering(one.delivery, other.delivery) &&
    isSameState(one.state, other.state) &&
    isSameConnection(one, other)
  )
}

function isSameDelivering(one: AttemptRecord['delivery'], other: AttemptRecord['delivery']): boolean {
  return (
    one.accountId === other.accountId &&
    one.shard === other.shard &&
    one.queue === other.queue &&
    one.cause === other.cause &&
    one.attemptsMade === other.attemptsMade &&
    one.taskId === other.taskId &&
    one.requestedBy === other.requestedBy
  )
}

function isSameState(one: AttemptRecord['state'], other: AttemptRecord['state']): boolean {
  if (one.status === 'dead_letter') return other.status === 'dead_letter' && one.reason === other.reason
  return one.status === other.status
}

function isSameConnection(one: AttemptRecord, other: AttemptRecord): boolean {
  return (
    one.address === other.address &&
    one.security?.version === other.security?.version &&
    one.security?.certificateExpiresAt?.getTime() === other.security?.certificateExpiresAt?.getTime()
  )
}
