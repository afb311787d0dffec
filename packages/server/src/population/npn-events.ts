import type { Environment } from '#src/accounts/principal.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { IdSource } from '#src/adapters/ids.ts'
import type { NewEvent } from '#src/events/accept.ts'
import { envelope } from '#src/events/envelope.ts'
import type { Npn } from './npn.ts'

/** An event about one NPN of an account. */
export type NpnEvent = NewEvent & { npn: Npn }

/** What an event tells. `notBefore`: the earliest timestamp it may have; `about`: members of its data beside `npn`. */
export type NpnFact = { accountId: string; environment: Environment; npn: Npn; notBefore: Date; about?: object }

export const DATA_READY = 'producersync.npn.data_ready'

const PAYLOAD_KEPT_MS = 90 * 86_400_000
/** An id may be this far ahead of the clock and still come from the process's one source. */
const AHEAD_MS_MAX = 1_000

export function npnEvents(
  { ids, clock }: { ids: IdSource; clock: Clock },
  type: 'producersync.npn.activated' | 'producersync.npn.deactivated' | typeof DATA_READY,
  facts: readonly NpnFact[],
  now: Date,
): NpnEvent[] {
  const idsAhead = new IdSource(clock)
  // In the order of their times, as an id made for a later moment carries the following ones with it; and where the
  // clock has been set back by more than a moment, it must not carry all other ids of the process with it.
  const inOrder = facts.toSorted((a, b) => a.notBefore.getTime() - b.notBefore.getTime())
  return inOrder.map(({ accountId, environment, npn, notBefore, about }) => {
    const source = notBefore > addMs(now, AHEAD_MS_MAX) ? idsAhead : ids
    const { id, createdAt, payload } = envelope(type, { npn, ...about }, notBefore, source)
    const payloadExpiresAt = addMs(createdAt, PAYLOAD_KEPT_MS)
    return { npn, accountId, environment, id, createdAt, type, payload, payloadExpiresAt, cause: 'event' }
  })
}
