import { Lane } from '#src/delivery/lane.ts'
import { LEASE_TIMES, type LeaseTimes } from '#src/delivery/ownership.ts'
import { Recorder } from '#src/delivery/recorder.ts'
import type { Break } from './options.ts'

/** As in production, but looked for less often: most looks find nothing, and cost the simulation as much as any. */
const LEASES: LeaseTimes = { ...LEASE_TIMES, lookMs: 1_000 }

/** Every third outcome is taken for written. */
const EVERY = 3

/** A recorder that loses outcomes: their deliveries stay pending, and nobody knows them any more. */
export function forgetOutcomes(): void {
  const prototype: { add: (this: Recorder, ...added: Parameters<Recorder['add']>) => void } = Recorder.prototype
  const { add } = prototype
  let added = 0
  prototype.add = function addSome(record, changesEndpoint) {
    added += 1
    if (added % EVERY !== 0) add.call(this, record, changesEndpoint)
  }
}

/** Workers that cancel by what they have read of an endpoint, however long ago. */
export function trustOldEndpoints(): void {
  Object.defineProperty(Lane.prototype, 'mayBeEnabled', { get: () => false })
}

/** Leases as they are, or as a bug has them. */
export function leasesOf(bug: Break | null): LeaseTimes {
  const never = Number.POSITIVE_INFINITY
  if (bug === 'short-lease') return { ...LEASES, leaseMs: 600 }
  return bug === 'no-self-stop' ? { ...LEASES, selfStopMs: never, startMs: never } : LEASES
}
