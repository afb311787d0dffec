import type { Environment } from '#src/accounts/principal.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Queryable, TransactionOptions } from '#src/adapters/postgres/database.ts'
import { acceptIn, type PlannedDelivery } from '#src/events/accept.ts'
import { type Change, type Chunk, decideChunk, nextChunk } from './decide.ts'
import { type NpnOccurrence, saveOccurrences } from './history-store.ts'
import { endOf, endWhenStopped, processedOf } from './job.ts'
import {
  appendLeaving,
  endJob,
  type HeldJob,
  holdJob,
  type JobKey,
  readChunk,
  saveLeaving,
  saveOutcomes,
  saveProgress,
  startJob,
} from './job-store.ts'
import type { Npn, Source } from './npn.ts'
import { type NpnEvent, type NpnFact, npnEvents } from './npn-events.ts'
import { activate, countChange, type DataStatus, deactivate, type HeldPopulation, holdPopulation } from './store.ts'
import { type HeldData, leaveTargets, wantTargets } from './targets.ts'

/** What can run a transaction: a `Database`, or in tests one that fails at a chosen statement. */
export type Transactions = {
  transaction<T>(options: TransactionOptions, work: (tx: Queryable) => Promise<T>): Promise<T>
}

export type WorkParts = { database: Transactions; clock: Clock; ids: IdSource }

/** A runner's id fences its writes: it touches no job that another one has taken over. */
export type Lease = { runnerId: string; leaseMs: number }

/** What a step did: `lost` when the job is no longer this runner's to work on. `planned` is for `Wake`. */
export type Step = { state: 'unfinished' | 'finished' | 'lost'; planned: PlannedDelivery[] }

/** A job with which runners make no progress for this long is ended. */
const STALLED_AFTER_MS = 3_600_000
const CANCELED = 'Cancelled on request'
/** NPNs of the population that one transaction compares with the list of a replace. */
const COMPARED_PER_STEP = 20_000

/**
 * Brings a job one transaction further: starts it, lists a part of what a replace removes, or treats one chunk of
 * items; ends it when it stands still.
 * The chunk's transaction holds everything that it makes true: population, events with their deliveries, outcomes,
 * counts. All that a step knows is read in it under the lock of the job's row, so after a crash, or beside another
 * runner that believes to hold the job, it goes on with the first item without outcome.
 */
export async function advanceJob(parts: WorkParts, lease: Lease, key: JobKey): Promise<Step> {
  return await parts.database.transaction({}, async (tx) => {
    const job = await holdJob(tx, key, lease.runnerId)
    if (!job) return { state: 'lost', planned: [] }
    const now = parts.clock.now()
    if (now >= addMs(job.triedSince, STALLED_AFTER_MS)) {
      await endJob(tx, job, endWhenStopped(job.counts), 'Stopped: no progress for one hour', now)
      return { state: 'finished', planned: [] }
    }
    if (job.cancelRequested) {
      await endJob(tx, job, endWhenStopped(job.counts), CANCELED, now)
      return { state: 'finished', planned: [] }
    }
    if (!job.started) {
      await startJob(tx, job, job.type === 'replace' ? 0 : null, now)
      return { state: 'unfinished', planned: [] }
    }
    if (job.leavingAfter !== null) {
      const { appended, leavingAfter } = await appendLeaving(tx, job, COMPARED_PER_STEP)
      await saveLeaving(tx, job, job.leaving + appended, leavingAfter, lease.leaseMs, now)
      return { state: 'unfinished', planned: [] }
    }
    return await workOnChunk(tx, parts, job, lease.leaseMs, now)
  })
}

async function workOnChunk(tx: Queryable, parts: WorkParts, job: HeldJob, leaseMs: number, now: Date): Promise<Step> {
  const population = await holdPopulation(tx, job.accountId)
  const { action, from, to } = nextChunk(job, population.deliveriesPerNpn)
  const items = await readChunk(tx, job, from, to)
  const { outcomes, changes } = decideChunk(action, items, job.populationMax - population.size, now)
  const { accountId, environment } = job
  const source = job.type === 'replace' ? 'post' : 'put'
  const planned = await changePopulation(
    tx,
    parts,
    { accountId, environment, action, source },
    changes,
    population,
    now,
  )
  if (outcomes.length > 0) await saveOutcomes(tx, job, outcomes)
  const counts = { ...job.counts }
  for (const { outcome } of outcomes) counts[outcome] += 1
  await saveProgress(tx, job, counts, leaseMs, now)
  if (processedOf(counts) < job.distinct + job.leaving) return { state: 'unfinished', planned }
  await endJob(tx, job, endOf(counts), null, now)
  return { state: 'finished', planned }
}

/**
 * Lets NPNs join or leave, with all that it makes true: events, the feed's targets, counts. An NPN that joins can be read
 * at once when the feed's data of it is current; else its first load is asked for.
 * @returns the planned deliveries, for `Wake`
 */
export async function changePopulation(
  tx: Queryable,
  parts: Pick<WorkParts, 'ids' | 'clock'>,
  change: { accountId: string; environment: Environment; action: Chunk['action']; source: Source },
  changes: readonly Change[],
  population: HeldPopulation,
  now: Date,
): Promise<PlannedDelivery[]> {
  if (changes.length === 0) return []
  const { accountId, environment, action } = change
  const changeNumber = population.changes + 1
  const facts = changes.map(({ npn, notBefore }) => ({ accountId, environment, npn, notBefore }))
  if (action === 'leave') {
    const events = npnEvents(parts, 'producersync.npn.deactivated', facts, now)
    const statuses = await deactivate(tx, accountId, events.map(toStamped), changeNumber)
    await leaveTargets(tx, accountId, npnsOf(events), now)
    await countChange(tx, accountId, changeNumber, countOf(statuses, -1))
    await saveOccurrences(tx, events.map(occurrenceOf('left')))
    return await acceptIn(tx, events)
  }
  const events = npnEvents(parts, 'producersync.npn.activated', facts, now)
  const loadAt = change.source === 'read' ? AHEAD_OF_ALL : now
  const held = await wantTargets(tx, accountId, npnsOf(events), loadAt, now)
  const ready = population.wantsDataReady ? events.flatMap((event) => readyAfter(event, held.get(event.npn))) : []
  const readyEvents = npnEvents(parts, 'producersync.npn.data_ready', ready, now)
  const lastAt = new Map([...events, ...readyEvents].map(({ npn, createdAt }) => [npn, createdAt]))
  const activations = events.map(({ npn, createdAt }) => ({
    npn,
    at: createdAt,
    lastEventAt: lastAt.get(npn) ?? createdAt,
    freshOn: held.get(npn)?.freshOn ?? null,
  }))
  const statuses = await activate(tx, accountId, activations, change.source, changeNumber)
  await countChange(tx, accountId, changeNumber, countOf(statuses, 1))
  await saveOccurrences(tx, [
    ...events.map(occurrenceOf('joined', change.source)),
    ...readyEvents.map(occurrenceOf('data_ready')),
  ])
  return await acceptIn(tx, [...events, ...readyEvents])
}

/** What an event about an NPN tells of it. */
export function occurrenceOf(kind: NpnOccurrence['kind'], source: Source | null = null) {
  return ({ accountId, npn, createdAt: at, id: eventId }: NpnEvent): NpnOccurrence => ({
    accountId,
    npn,
    at,
    kind,
    source,
    eventId,
  })
}

/** Somebody waits for what he reads: its first load comes before all that is due by now. */
const AHEAD_OF_ALL = new Date(0)

function readyAfter({ accountId, environment, npn, createdAt }: NpnEvent, held: HeldData | undefined): NpnFact[] {
  if (!held) return []
  return [{ accountId, environment, npn, notBefore: addMs(createdAt, 1), about: { noLicenses: held.noLicenses } }]
}

/** By NPN, so that transactions of several accounts take the feed's targets in one order. */
function npnsOf(events: readonly NpnEvent[]): Npn[] {
  return events.map(({ npn }) => npn).sort((a, b) => Number(a) - Number(b))
}

function toStamped({ npn, createdAt }: NpnEvent): { npn: Npn; at: Date } {
  return { npn, at: createdAt }
}

function countOf(statuses: DataStatus[], step: 1 | -1): Record<DataStatus, number> {
  const counts = { loading: 0, ready: 0, not_found: 0 }
  for (const status of statuses) counts[status] += step
  return counts
}
