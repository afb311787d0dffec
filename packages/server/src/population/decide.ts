import { addMs } from '#src/adapters/clock.ts'
import type { InvalidReason, Outcome } from './job.ts'
import type { Npn } from './npn.ts'

/** An item with what the population holds of its NPN: null when it has never been in it. */
export type ChunkItem = { position: number; npn: Npn | null; known: { active: boolean; changedAt: Date } | null }

export type ItemOutcome = { position: number; outcome: Outcome; reason: InvalidReason | null }

/** An NPN that joins or leaves. `notBefore`: the earliest timestamp its event may have. */
export type Change = { npn: Npn; notBefore: Date }

export type ChunkDecision = { outcomes: ItemOutcome[]; changes: Change[] }

/**
 * What a chunk does to the population. Distinct NPNs only.
 * @param room  how many NPNs may still join before the population is full
 */
export function decideChunk(
  action: 'join' | 'leave',
  items: readonly ChunkItem[],
  room: number,
  now: Date,
): ChunkDecision {
  const outcomes: ItemOutcome[] = []
  const changes: Change[] = []
  for (const { position, npn, known } of items) {
    if (npn === null) {
      outcomes.push({ position, outcome: 'invalid', reason: 'malformed' })
    } else if ((known?.active ?? false) === (action === 'join')) {
      outcomes.push({ position, outcome: action === 'join' ? 'already_active' : 'not_active', reason: null })
    } else if (action === 'join' && changes.length >= room) {
      outcomes.push({ position, outcome: 'invalid', reason: 'limit_reached' })
    } else {
      outcomes.push({ position, outcome: action === 'join' ? 'added' : 'removed', reason: null })
      changes.push({ npn, notBefore: later(now, known && addMs(known.changedAt, 1)) })
    }
  }
  return { outcomes, changes }
}

function later(now: Date, bound: Date | null): Date {
  return bound && bound > now ? bound : now
}

/** Positions `from` (inclusive) to `to` (exclusive), all joining or all leaving. */
export type Chunk = { action: 'join' | 'leave'; from: number; to: number }

const NPNS_PER_CHUNK_MAX = 500
const DELIVERIES_PER_CHUNK_MAX = 5_000

/**
 * The next items of a job: those of a replace that leave come first, so that a full population can be exchanged for
 * another; then the elements of the body.
 * @param endpoints  how many deliveries each changed NPN may cause
 */
export function nextChunk(
  job: { type: 'add' | 'replace' | 'remove'; distinct: number; leaving: number; processed: number },
  endpoints: number,
): Chunk {
  const size = Math.max(1, Math.min(NPNS_PER_CHUNK_MAX, Math.floor(DELIVERIES_PER_CHUNK_MAX / Math.max(1, endpoints))))
  if (job.processed < job.leaving) {
    const from = job.distinct + job.processed
    return { action: 'leave', from, to: Math.min(from + size, job.distinct + job.leaving) }
  }
  const from = job.processed - job.leaving
  return { action: job.type === 'remove' ? 'leave' : 'join', from, to: Math.min(from + size, job.distinct) }
}
