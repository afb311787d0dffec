import { join } from 'node:path'
import { readNotebook } from './notebook.ts'
import { asSuperuser } from './service.ts'
import { type Plan, pause, type Stage } from './stage.ts'

/** Every acknowledged event with each of its deliveries: where is it? */
export type Ledger = {
  accepted: number
  deliveries: number
  delivered: number
  pending: number
  deadLettered: number
  canceled: number
  /** Deliveries that are in no state, or stand as delivered though the sink has not had them. */
  lost: number
  /** Requests at the sink beyond the first of a delivery. */
  duplicates: number
  /** Stored, though nobody was told so: the call had no answer. */
  unacknowledged: number
}

const ROWS_PER_READ = 20_000
/** Outcomes are written a moment after the answer. */
const SETTLE_MS_MAX = 10_000
const LOOK_MS = 100

type Place = 'delivered' | 'pending' | 'dead_letter' | 'canceled'
type Entry = { places: Record<Place, number>; requests: Map<number, number> }

/** Reads all three books: what the publisher was told, what the database says, what the sink has had. */
export async function balance(stage: Stage, plan: Plan, accountIds: readonly string[]): Promise<Ledger> {
  const { publisher, sink, folder, dataDir } = stage
  await untilRecorded(stage, accountIds)
  const entries = new Map<string, Entry>()
  const acceptedFile = join(folder, 'accepted')
  for (const { id } of readNotebook(acceptedFile, await publisher.ask('write', acceptedFile))) {
    entries.set(id, { places: { delivered: 0, pending: 0, dead_letter: 0, canceled: 0 }, requests: new Map() })
  }
  const unacknowledged = new Set<string>()
  await readPlaces(dataDir, accountIds, (id, place) => {
    const entry = entries.get(id)
    if (entry) entry.places[place] += 1
    else unacknowledged.add(id)
  })
  const receivedFile = join(folder, 'received')
  for (const { id, other: endpoint } of readNotebook(receivedFile, await sink.ask('write', receivedFile))) {
    const requests = entries.get(id)?.requests
    requests?.set(endpoint, (requests.get(endpoint) ?? 0) + 1)
  }
  return sumOf(entries, plan, unacknowledged.size)
}

function sumOf(entries: ReadonlyMap<string, Entry>, { fanOut }: Plan, unacknowledged: number): Ledger {
  const sum = { delivered: 0, pending: 0, deadLettered: 0, canceled: 0, lost: 0, duplicates: 0 }
  for (const { places, requests } of entries.values()) {
    sum.delivered += places.delivered
    sum.pending += places.pending
    sum.deadLettered += places.dead_letter
    sum.canceled += places.canceled
    const known = places.delivered + places.pending + places.dead_letter + places.canceled
    sum.lost += Math.max(0, fanOut - known) + Math.max(0, places.delivered - requests.size)
    for (const count of requests.values()) sum.duplicates += count - 1
  }
  return { accepted: entries.size, deliveries: entries.size * fanOut, ...sum, unacknowledged }
}

/** Where each delivery of the run stands, test requests left out. */
async function readPlaces(
  dataDir: string,
  accountIds: readonly string[],
  note: (id: string, place: Place) => void,
): Promise<void> {
  await asSuperuser(dataDir, async (client) => {
    await client.query('begin isolation level repeatable read read only')
    const declare = `
      declare places no scroll cursor for
       select substr(event_id, 5) as id, 'pending' as place from pending
        where cause <> 'test' and account_id = any ($1)
        union all
       select substr(event_id, 5), state from attempt
        where state <> 'pending' and cause <> 'test' and account_id = any ($1)`
    await client.query(declare, [accountIds])
    for (;;) {
      const { rows } = await client.query<{ id: string; place: Place }>(`fetch ${ROWS_PER_READ} from places`)
      if (rows.length === 0) break
      for (const { id, place } of rows) note(id, place)
    }
    await client.query('commit')
  })
}

/** The last outcomes are on their way into the database when the sink has answered. */
async function untilRecorded({ dataDir, sink }: Stage, accountIds: readonly string[]): Promise<void> {
  const endsAt = performance.now() + SETTLE_MS_MAX
  for (;;) {
    const { received } = await sink.ask('count')
    const written = await asSuperuser(dataDir, async (client) => {
      const { rows } = await client.query<{ count: string }>(
        "select count(*) from attempt where state = 'delivered' and cause <> 'test' and account_id = any ($1)",
        [accountIds],
      )
      return Number(rows[0]?.count)
    })
    if (written >= received || performance.now() > endsAt) return
    await pause(LOOK_MS)
  }
}
