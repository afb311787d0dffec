import type { Security } from '#src/adapters/outgoing/outgoing.ts'
import type { Delivery, DeliveryState } from './delivery.ts'

/** What most records of an endpoint have in common: of each kind it is written as it stands in the first. */
type Kind = {
  delivery: Delivery
  number: number
  url: string
  outcome: string
  failureClass: string | null
  statusCode: number
  phase: string | null
  address: string | null
  security: Security | null
  state: DeliveryState
  endsPlanned: boolean
}

/**
 * Sorts records by kind, so that the database is given what they have in common once: each value costs it a little.
 * @returns the first of each kind, and of which kind each record is: 1, 2, …
 */
export function kindsOf<Each extends Kind>(records: readonly Each[]): { firsts: Each[]; numbers: number[] } {
  const firsts: Each[] = []
  const ofEndpoints = new Map<string, { first: Kind; number: number }[]>()
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

function isAlike(one: Kind, other: Kind): boolean {
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

function isSameDelivering(one: Delivery, other: Delivery): boolean {
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

function isSameState(one: DeliveryState, other: DeliveryState): boolean {
  if (one.status === 'dead_letter') return other.status === 'dead_letter' && one.reason === other.reason
  return one.status === other.status
}

function isSameConnection(one: Kind, other: Kind): boolean {
  return (
    one.address === other.address &&
    one.security?.version === other.security?.version &&
    one.security?.certificateExpiresAt?.getTime() === other.security?.certificateExpiresAt?.getTime()
  )
}
