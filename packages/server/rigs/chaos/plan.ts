import { between, oneOf, type Random, shuffled } from './chance.ts'
import { DISK_FAULTS, type FaultKind } from './options.ts'

/** What is silenced between a process and the database: all, or what the database answers. */
export type Silence = 'both_ways' | 'replies'

/** One fault of a run; `victim` names a process, null: the database. `forMs`: how long it is kept up. */
export type PlannedFault = {
  atMs: number
  kind: FaultKind
  victim: string | null
  forMs: number
  silence: Silence | null
}

export type PlanParts = {
  random: Random
  durationMs: number
  kinds: readonly FaultKind[]
  workers: readonly string[]
  apis: readonly string[]
}

const FIRST_MS = 1_500
const GAP_MS = [800, 3_500] as const
const STEP_MS = 250
const FREEZE_MS = [5_000, 8_000] as const
/** Kept up for so long; the others are over at once. */
const LASTING_MS: Partial<Record<FaultKind, number>> = {
  partition: 8_000,
  'disk-full': 5_000,
  'slow-disk': 6_000,
  clock: 5_000,
}
/** They hit the database, and no process. */
const DATABASE_FAULTS: readonly FaultKind[] = [
  'db-kill',
  'db-restart',
  'db-terminate',
  'disk-full',
  'slow-disk',
  'power-cut',
]
/** It may end by these; the others it goes through. */
const DATABASE_DEATHS: readonly FaultKind[] = ['db-kill', 'db-restart', 'disk-full', 'power-cut']
/** After a fault of a process the next one of its kind waits, so that its takeover or restart can be told from that. */
const WORKER_REST_MS: Partial<Record<FaultKind, number>> = {
  kill: 7_000,
  term: 5_000,
  stop: 6_000,
  partition: 6_000,
}
const API_REST_MS = 4_000
/** At the fifth owner that a shard loses within a minute, its deliveries go one at a time (the guard against one that kills). */
const OWNER_DEATHS_MAX = 4
const OWNER_DEATHS_WITHIN_MS = 75_000
const OWNER_DEATHS: readonly FaultKind[] = ['kill', 'stop', 'partition']
/** The supervisor of the embedded server gives up at its sixth death within a minute. */
const DATABASE_DEATHS_APART_MS = 13_000
/** A process that is asked to stop can hand over only while there is a database. */
const TERM_APART_MS = 6_000

/** Draws a schedule of faults: every kind in turn, in an order of its own each time, at least one worker left alone. */
export function planFaults(parts: PlanParts): PlannedFault[] {
  const { random, durationMs, kinds } = parts
  const planned: PlannedFault[] = []
  let bag: FaultKind[] = []
  for (let atMs = FIRST_MS; atMs < durationMs && kinds.length > 0; ) {
    if (bag.length === 0) bag = shuffled(random, kinds)
    const fault = bag.map((kind) => tryAt(parts, planned, kind, atMs)).find((possible) => possible !== undefined)
    if (!fault) {
      atMs += STEP_MS
      continue
    }
    planned.push(fault)
    bag.splice(bag.indexOf(fault.kind), 1)
    atMs += between(random, ...GAP_MS)
  }
  return planned
}

function tryAt(
  parts: PlanParts,
  planned: readonly PlannedFault[],
  kind: FaultKind,
  atMs: number,
): PlannedFault | undefined {
  const { random, durationMs } = parts
  const forMs = kind === 'stop' ? between(random, ...FREEZE_MS) : (LASTING_MS[kind] ?? 0)
  if (atMs + forMs > durationMs) return undefined
  if (DATABASE_FAULTS.includes(kind)) {
    if (!databaseIsFree(planned, kind, atMs)) return undefined
    return { atMs, kind, victim: null, forMs, silence: null }
  }
  if (kind === 'term' && planned.some((other) => isDeath(other) && atMs - other.atMs < TERM_APART_MS)) return undefined
  const victims = victimsAt(parts, planned, kind, atMs)
  if (victims.length === 0) return undefined
  const victim = oneOf(random, victims)
  const isApi = parts.apis.includes(victim)
  // an API process is cut off one way only: that is where commits become unknown
  const silence = kind !== 'partition' ? null : isApi ? 'replies' : oneOf(random, ['both_ways', 'replies'] as const)
  return { atMs, kind, victim, forMs, silence }
}

function databaseIsFree(planned: readonly PlannedFault[], kind: FaultKind, atMs: number): boolean {
  return planned.every((other) => {
    if (other.kind === 'term') return atMs - other.atMs >= TERM_APART_MS
    const isEnding = DATABASE_DEATHS.includes(kind) && isDeath(other)
    return (!isEnding && !sharesDisk(kind, other.kind)) || atMs - other.atMs >= DATABASE_DEATHS_APART_MS
  })
}

/** What is done to the disk is over before the next is done to it. */
function sharesDisk(one: FaultKind, other: FaultKind): boolean {
  const isOfDisk = (kind: FaultKind) => DISK_FAULTS.some((known) => known === kind)
  return isOfDisk(one) && isOfDisk(other)
}

function isDeath({ kind }: PlannedFault): boolean {
  return DATABASE_DEATHS.includes(kind)
}

/** Whom the fault may hit: of each sort one stays whole; the first of a kind hits a worker, later ones either. */
function victimsAt(parts: PlanParts, planned: readonly PlannedFault[], kind: FaultKind, atMs: number): string[] {
  const resting = new Set(planned.filter((other) => restsUntilMs(parts, other) > atMs).map(({ victim }) => victim))
  const free = (names: readonly string[], spared: number) => {
    const able = names.filter((name) => !resting.has(name))
    return able.length > Math.min(spared, names.length - 1) ? able : []
  }
  const deaths = planned.filter(
    (other) =>
      OWNER_DEATHS.includes(other.kind) &&
      other.victim !== null &&
      parts.workers.includes(other.victim) &&
      other.atMs > atMs - OWNER_DEATHS_WITHIN_MS,
  )
  const mayDie = !OWNER_DEATHS.includes(kind) || deaths.length < OWNER_DEATHS_MAX
  const workers = mayDie ? free(parts.workers, 1) : []
  // a frozen API process only lets its callers wait, which no service could help
  const takesApis = kind !== 'stop' && planned.some((other) => other.kind === kind)
  const apis = takesApis ? free(parts.apis, 1) : []
  return isApiTurn(parts, planned, kind) && apis.length > 0 ? apis : workers.length > 0 ? workers : apis
}

function isApiTurn({ apis }: PlanParts, planned: readonly PlannedFault[], kind: FaultKind): boolean {
  const last = planned.findLast((other) => other.kind === kind)
  return last !== undefined && last.victim !== null && !apis.includes(last.victim)
}

function restsUntilMs({ apis }: PlanParts, { kind, victim, atMs, forMs }: PlannedFault): number {
  const restMs = victim !== null && apis.includes(victim) ? API_REST_MS : (WORKER_REST_MS[kind] ?? 0)
  return atMs + forMs + restMs
}
