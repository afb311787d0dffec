import type { Account } from '#src/accounts/principal.ts'
import { addMs } from '#src/adapters/clock.ts'
import { parseWindow } from '#src/adapters/http/pages.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { listDestinations } from '#src/attempts/standing-store.ts'
import { listEvents } from '#src/events/event-store.ts'
import { MESSAGE_ID_PREFIX } from '#src/events/message.ts'
import { type AttemptCounts, sumCounts } from '#src/statistics/attempt-counts.ts'
import { addDays, chicagoDay } from '#src/updates/calendar.ts'
import { readFeed } from '#src/updates/feed-store.ts'
import type { Run } from '#src/updates/run.ts'
import { listRuns } from '#src/updates/run-list-store.ts'
import type { Calendar } from '#src/updates/schedule.ts'
import { dayOf, type EndpointHealth, type FailingPolicy, healthOf } from './endpoint-health.ts'
import { listWatched } from './endpoint-store.ts'
import { SIGNAL_DAYS, type SignalDay, signalOf } from './signal.ts'
import { type Planned, readPlanned, readSteps, type Steps } from './summary-store.ts'

export type Signal = {
  last: {
    runDate: string
    publishedAt: Date
    late: boolean
    msgId: string | null
    delivered: number
    of: number
  } | null
  dueAt: Date | null
  lateSince: Date | null
  days: readonly SignalDay[]
}

/** An account as its home page shows it. */
export type Summary = {
  endpoints: readonly EndpointHealth[]
  /** Of all endpoints, in the last 24 hours by the clock. */
  day: AttemptCounts
  planned: Planned
  signal: Signal
  steps: Steps
}

const ENDPOINTS_AT_ONCE = 250
/** Sandboxes may have many runs a day. */
const RUNS_MAX = 250
const UPDATES_AVAILABLE = 'producersync.updates_available'
/** A destination of the signal is an endpoint: there are no more. */
const DESTINATIONS_MAX = 10_000

export async function summaryOf(
  tx: Queryable,
  account: Account,
  policy: FailingPolicy,
  calendar: Calendar,
  now: Date,
): Promise<Summary> {
  const endpoints = await allEndpoints(tx, account, policy, now)
  const day = sumCounts(endpoints.map(dayOf))
  return {
    endpoints,
    day,
    planned: await readPlanned(tx, account.id),
    signal: await readSignal(tx, account, calendar, now),
    steps: await readSteps(tx, account.id),
  }
}

async function allEndpoints(
  tx: Queryable,
  account: Account,
  policy: FailingPolicy,
  now: Date,
): Promise<EndpointHealth[]> {
  const all: EndpointHealth[] = []
  const page = { read: 'ascending', below: null, limit: ENDPOINTS_AT_ONCE } as const
  for (let above: string | null = null; ; ) {
    const some = await listWatched(tx, account, { ...page, above }, { q: null, type: null })
    all.push(...(await healthOf(tx, account.id, some, policy, now)))
    if (some.length < ENDPOINTS_AT_ONCE) return all
    above = some.at(-1)?.id ?? null
  }
}

async function readSignal(tx: Queryable, account: Account, calendar: Calendar, now: Date): Promise<Signal> {
  const feed = await readFeed(tx, account.environment === 'production' ? 'production' : account.id)
  if (!feed) return { last: null, dueAt: null, lateSince: null, days: [] }
  const from = addDays(chicagoDay(addMs(now, feed.clockAheadMs)), 1 - SIGNAL_DAYS)
  const runs = await listRuns(tx, { feedId: feed.id, from }, { after: undefined, limit: RUNS_MAX })
  const [older] = await listRuns(tx, { feedId: feed.id, state: 'published' }, { after: undefined, limit: 1 })
  const latest = runs.filter(({ state }) => state === 'published').sort((a, b) => (a.runDate < b.runDate ? 1 : -1))
  const last = latest[0] ?? older
  return { last: last ? await lastSignal(tx, account, last) : null, ...signalOf(runs, feed, calendar, now) }
}

async function lastSignal(
  tx: Queryable,
  account: Account,
  { runDate, publishedAt, late }: Run,
): Promise<Signal['last']> {
  if (!publishedAt) return null
  const at = { after: publishedAt, before: addMs(publishedAt, 1_000), limit: 1 }
  const page = parseWindow(at, { prefix: MESSAGE_ID_PREFIX, now: at.before })
  const filter = {
    types: [UPDATES_AVAILABLE],
    channel: null,
    tag: null,
    npn: null,
    beginning: null,
    withContent: false,
  }
  const [event] = await listEvents(tx, account, page, filter)
  if (!event) return { runDate, publishedAt, late, msgId: null, delivered: 0, of: 0 }
  const all = { limit: DESTINATIONS_MAX, above: null, below: null, read: 'ascending', show: 'ascending' } as const
  const destinations = await listDestinations(tx, account.id, event.id, all)
  const delivered = destinations.filter(({ standing }) => standing === 'delivered').length
  return { runDate, publishedAt, late, msgId: event.id, delivered, of: destinations.length }
}
