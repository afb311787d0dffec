import { addMs, type Clock } from '#src/adapters/clock.ts'
import { IdSource } from '#src/adapters/ids.ts'
import type { Queryable, TransactionOptions } from '#src/adapters/postgres/database.ts'
import { acceptIn, type NewEvent, type PlannedDelivery } from '#src/events/accept.ts'
import { envelope } from '#src/events/envelope.ts'
import { type Change, type Chunk, decideChunk, nextChunk } from './decide.ts'
import { endOf, endWhenStopped, processedOf } from './job.ts'
import type { Npn } from './npn.ts'
import {
  activate,
  appendLeaving,
  countChange,
  type DataStatus,
  deactivate,
  endJob,
  type HeldJob,
  holdJob,
  holdPopulation,
  type JobKey,
  readChunk,
  type Source,
  saveLeaving,
  saveOutcomes,
  saveProgress,
  startJob,
} from './store.ts'

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
const PAYLOAD_KEPT_MS = 90 * 86_400_000
/** An id may be this far ahead of the clock and still come from the process's one source. */
const AHEAD_MS_MAX = 1_000
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
  const { action, from, to } = nextChunk(job, population.endpoints)
  const items = await readChunk(tx, job, from, to)
  const { outcomes, changes } = decideChunk(action, items, job.populationMax - population.size, now)
  const events = changes.length > 0 ? toEvents(parts, job, action, changes, now) : []
  const change = { accountId: job.accountId, action, source: job.type === 'replace' ? 'post' : 'put' } as const
  if (events.length > 0) await changePopulation(tx, change, events, population.changes + 1)
  const planned = await acceptIn(tx, events)
  if (outcomes.length > 0) await saveOutcomes(tx, job, outcomes)
  const counts = { ...job.counts }
  for (const { outcome } of outcomes) counts[outcome] += 1
  await saveProgress(tx, job, counts, leaseMs, now)
  if (processedOf(counts) < job.distinct + job.leaving) return { state: 'unfinished', planned }
  await endJob(tx, job, endOf(counts), null, now)
  return { state: 'finished', planned }
}

type ChangeEvent = NewEvent & { npn: Npn }

export function toEvents(
  { ids, clock }: Pick<WorkParts, 'ids' | 'clock'>,
  { accountId, environment }: Pick<HeldJob, 'accountId' | 'environment'>,
  action: Chunk['action'],
  changes: readonly Change[],
  now: Date,
): ChangeEvent[] {
  const type = action === 'join' ? 'producersync.npn.activated' : 'producersync.npn.deactivated'
  const idsAhead = new IdSource(clock)
  // In the order of their times, as an id made for a later moment carries the following ones with it; and where the
  // clock has been set back by more than a moment, it must not carry all other ids of the process with it.
  const inOrder = changes.toSorted((a, b) => a.notBefore.getTime() - b.notBefore.getTime())
  return inOrder.map(({ npn, notBefore }) => {
    const source = notBefore > addMs(now, AHEAD_MS_MAX) ? idsAhead : ids
    const { id, createdAt, payload } = envelope(type, { npn }, notBefore, source)
    const payloadExpiresAt = addMs(createdAt, PAYLOAD_KEPT_MS)
    return { npn, accountId, environment, id, createdAt, type, payload, payloadExpiresAt, cause: 'event' }
  })
}

export async function changePopulation(
  tx: Queryable,
  { accountId, action, source }: { accountId: string; action: Chunk['action']; source: Source },
  events: readonly ChangeEvent[],
  changeNumber: number,
): Promise<void> {
  const changes = events.map(({ npn, createdAt }) => ({ npn, at: createdAt }))
  const statuses =
    action === 'join'
      ? await activate(tx, accountId, changes, source, changeNumber)
      : await deactivate(tx, accountId, changes, changeNumber)
  await countChange(tx, accountId, changeNumber, countOf(statuses, action === 'join' ? 1 : -1))
}

function countOf(statuses: DataStatus[], step: 1 | -1): Record<DataStatus, number> {
  const counts = { loading: 0, ready: 0, not_found: 0 }
  for (const status of statuses) counts[status] += step
  return counts
}
