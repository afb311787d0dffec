import type { NpnOccurrence } from '#src/population/history-store.ts'
import { DATA_READY } from '#src/population/npn-events.ts'
import type { LicenseSummary, Monitored } from './monitored-store.ts'

const ACTIVATED = 'producersync.npn.activated'
const DEACTIVATED = 'producersync.npn.deactivated'
const TYPE_OF = { joined: ACTIVATED, left: DEACTIVATED, data_ready: DATA_READY } as const

export function monitoredOut(row: Monitored): object {
  const isRemoved = row.state === 'removed'
  return {
    npn: row.npn,
    name: row.name,
    kind: row.kind,
    state: row.state,
    asOf: row.asOf,
    joinedAt: row.joinedAt.toISOString(),
    removedAt: isRemoved ? row.changedAt.toISOString() : null,
    changedOn: row.changedOn,
    activeLicenses: row.activeLicenses,
    source: row.source,
    lastEvent: lastEventOf(row),
  }
}

/** Of what was there from the start nobody was told. */
function lastEventOf({ state, source, joinedAt, changedAt }: Monitored): object | null {
  if (state === 'removed') return { type: DEACTIVATED, timestamp: changedAt.toISOString() }
  if (changedAt > joinedAt) return { type: DATA_READY, timestamp: changedAt.toISOString() }
  return source === 'preloaded' ? null : { type: ACTIVATED, timestamp: joinedAt.toISOString() }
}

type Occurrence = Omit<NpnOccurrence, 'accountId' | 'npn'>

export function monitoredDetailOut(
  row: Monitored,
  found: { licenses: LicenseSummary | null; history: readonly Occurrence[] },
  publicUrl: string,
): object {
  return {
    ...monitoredOut(row),
    activations: row.activations,
    licenses: found.licenses && licensesOut(found.licenses),
    history: found.history.flatMap(({ kind, at, source, eventId }) =>
      kind === 'data_ready' ? [] : [{ change: kind, at: at.toISOString(), source, msgId: eventId }],
    ),
    events: found.history.flatMap(({ kind, at, eventId }) => (eventId === null ? [] : [eventOut(eventId, kind, at)])),
    api: { method: 'GET', url: `${publicUrl}/v2/entities/${row.npn}` },
  }
}

function eventOut(id: string, kind: Occurrence['kind'], at: Date): object {
  return { id, eventId: id.replace(/^msg_/, 'evt_'), type: TYPE_OF[kind], timestamp: at.toISOString() }
}

function licensesOut({ residentState, states }: LicenseSummary): object {
  const expirations = states.flatMap(({ nextExpiration }) => nextExpiration ?? [])
  return {
    active: states.reduce((sum, { active }) => sum + active, 0),
    inactive: states.reduce((sum, { inactive }) => sum + inactive, 0),
    residentState,
    nextExpiration: expirations.sort()[0] ?? null,
    states,
  }
}
