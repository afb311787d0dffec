import type { Line, Publication } from './ledger.ts'
import type { Stored, StoredAttempt, StoredPending } from './stored.ts'

/** An endpoint as the rig has made it: `types` null takes every event of its account. */
export type RigEndpoint = { number: number; account: number; types: readonly string[] | null }

/** A request, and the row in which its outcome was recorded; null: it never was. */
export type Request = { line: Line; row: StoredAttempt | null }

/** Everything that is known of one event on its way to one endpoint. */
export type Delivery = {
  messageId: string
  endpoint: number
  uid: string | null // null: no event of the ledger
  /** When its event was accepted, by the database. */
  createdAtMs: number | null
  /** The endpoint takes events of this type, and the event is acknowledged, or stored (its publisher may not know yet). */
  expected: boolean
  requests: Request[] // in the order of arrival
  rows: StoredAttempt[] // in the order of their start
  pending: StoredPending[]
}

export type DeliveryParts = {
  publications: Iterable<Publication>
  endpoints: readonly RigEndpoint[]
  lines: readonly Line[]
  stored: Stored
}

/** Clocks of the service are the database's, read over a round trip. */
const CLOCKS_APART_MS = 500

/** Brings the ledger and the database together, delivery by delivery. */
export function joinDeliveries({ publications, endpoints, lines, stored }: DeliveryParts): Delivery[] {
  const deliveries = new Map<string, Delivery>()
  const events = new Map(stored.events.map((event) => [event.messageId, event]))
  const byUid = Map.groupBy(stored.events, ({ uid }) => uid)
  const of = (messageId: string, endpoint: number): Delivery => {
    const name = `${endpoint} ${messageId}`
    const known = deliveries.get(name)
    if (known) return known
    const event = events.get(messageId)
    const made: Delivery = {
      messageId,
      endpoint,
      uid: event?.uid ?? null,
      createdAtMs: event?.createdAtMs ?? null,
      expected: false,
      requests: [],
      rows: [],
      pending: [],
    }
    deliveries.set(name, made)
    return made
  }
  for (const { account, type, acknowledgedAs, uid } of publications) {
    const takers = endpoints.filter((endpoint) => endpoint.account === account && takes(endpoint, type))
    const messageIds = new Set([...acknowledgedAs, ...(byUid.get(uid) ?? [])].map(({ messageId }) => messageId))
    for (const messageId of messageIds) {
      for (const taker of takers) Object.assign(of(messageId, taker.number), { expected: true, uid })
    }
  }
  for (const line of lines) of(line.messageId, line.endpoint).requests.push({ line, row: null })
  for (const row of stored.attempts) of(row.messageId, row.endpoint).rows.push(row)
  for (const row of stored.pending) of(row.messageId, row.endpoint).pending.push(row)
  for (const delivery of deliveries.values()) {
    delivery.requests.sort((a, b) => a.line.beginMs - b.line.beginMs)
    delivery.rows.sort((a, b) => a.startedAtMs - b.startedAtMs)
    matchRows(delivery)
  }
  return [...deliveries.values()]
}

function takes(endpoint: RigEndpoint, type: string): boolean {
  return endpoint.types === null || endpoint.types.includes(type)
}

/** Gives each row the request that began nearest to its start; attempts of a delivery are seconds apart. */
function matchRows({ requests, rows }: Delivery): void {
  for (const row of rows) {
    if (row.outcome === 'canceled') continue
    const from = row.startedAtMs - CLOCKS_APART_MS
    const to = row.startedAtMs + row.durationMs + CLOCKS_APART_MS
    const distance = ({ line }: Request) => Math.abs(line.beginMs - row.startedAtMs)
    const [nearest] = requests
      .filter((request) => request.row === null && request.line.beginMs >= from && request.line.beginMs <= to)
      .filter(({ line }) => row.outcome !== 'responded' || line.status === row.status)
      .sort((a, b) => distance(a) - distance(b))
    if (nearest) nearest.row = row
  }
}
