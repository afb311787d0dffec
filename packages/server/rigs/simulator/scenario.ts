import type { FailpointName } from '#src/delivery/failpoint.ts'
import { between, oneOf, type Random, randomOf } from '../chaos/chance.ts'
import type { Silence } from '../chaos/plan.ts'
import type { Passing } from './link.ts'
import { ENDPOINTS } from './site.ts'

/** What happens to the service in one seed; `victim`: a process, by number. */
export type SimFault = { atMs: number; forMs: number } & (
  | { kind: 'kill' | 'freeze' | 'stop' | 'double-wake'; victim: number }
  | { kind: 'partition'; victim: number; silence: Silence }
  | { kind: 'slow'; victim: number; slowMs: number }
  | { kind: 'crash-at'; victim: number; point: FailpointName | Passing; nth: number }
  | { kind: 'database-clock' | 'wall-clock'; victim: number; stepMs: number }
)

/** An endpoint, by number, that is disabled for so long. */
export type SimSwitch = { atMs: number; forMs: number; endpoint: number }

export type Scenario = {
  seed: number
  processes: number
  /** Of the endpoints: waits in seconds, and the deadline of an attempt, below and above what a lease lasts. */
  schedule: readonly number[]
  timeoutMs: number
  /** The endpoint, by number, that gets one event at a time, in their order; null: none does. */
  fifo: number | null
  /** `count` events in one call. */
  events: { atMs: number; account: number; padding: number; count: number }[]
  faults: SimFault[]
  switches: SimSwitch[]
}

const PROCESSES = [1, 2, 2, 2, 2, 3] as const
const EVENTS_MAX = 8
const COUNTS = [1, 1, 1, 2, 5] as const
/** The processes have come to terms about the shards. */
const WARM_MS = 2_500
const PUBLISH_MS = 2_500
const FAULTS = [0, 1, 1, 2, 2, 3] as const
const FIRST_MS = 300
const FAULT_MS = 2_500
/** Below and above what a lease lasts: a fault is over before anybody notices, or somebody has taken over. */
const BRIEF_MS = [300, 4_000] as const
const LONG_MS = [4_000, 7_500] as const
const SLOW_MS = [20, 450] as const
const STEPS_MS = [-5_000, -700, -60, 60, 700, 5_000] as const
const POINTS: readonly (FailpointName | Passing)[] = [
  'accept.before_commit',
  'accept.after_commit',
  'send.before_write',
  'send.after_response',
  'request',
  'answer',
  'answer',
]
const KINDS: readonly SimFault['kind'][] = [
  'kill',
  'kill',
  'freeze',
  'freeze',
  'stop',
  'double-wake',
  'partition',
  'partition',
  'partition',
  'partition',
  'slow',
  'crash-at',
  'crash-at',
  'crash-at',
  'database-clock',
  'wall-clock',
]
const SWITCHES = [0, 0, 1, 2] as const
/** Shorter and longer than it takes until everybody has heard of it. */
const BRIEFLY_MS = [1, 100] as const
const FOR_LONG_MS = [100, 2_000] as const
/** Soon after an endpoint is enabled again, something comes for it. */
const NEXT_MS = [1, 400] as const
const FIFO = [null, null, 0, 3] as const
const TIMEOUTS_MS = [1_500, 8_000, 8_000] as const
const SCHEDULES = [[1], [1, 2], [2]] as const

/** Draws everything that a seed decides beforehand. */
export function draw(seed: number): Scenario {
  const random = randomOf(seed, 'scenario')
  const processes = oneOf(random, PROCESSES)
  const counts = randomOf(seed, 'counts')
  const switches = switchesOf(randomOf(seed, 'switches'))
  return {
    seed,
    processes,
    schedule: oneOf(random, SCHEDULES),
    timeoutMs: oneOf(random, TIMEOUTS_MS),
    fifo: oneOf(randomOf(seed, 'fifo'), FIFO),
    events: [
      ...Array.from({ length: between(random, 1, EVENTS_MAX) }, () => ({
        atMs: WARM_MS + between(random, 0, PUBLISH_MS),
        account: between(random, 0, 1),
        padding: between(random, 0, 300),
        count: oneOf(counts, COUNTS),
      })),
      ...switches.map(({ next }) => next),
    ],
    faults: Array.from({ length: oneOf(random, FAULTS) }, () => fault(random, processes)).toSorted(
      (a, b) => a.atMs - b.atMs,
    ),
    switches: switches.map(({ drawn }) => drawn),
  }
}

/** Each of another endpoint. */
function switchesOf(random: Random): { drawn: SimSwitch; next: Scenario['events'][number] }[] {
  const first = between(random, 0, ENDPOINTS.length - 1)
  return Array.from({ length: oneOf(random, SWITCHES) }, (_, index) => {
    const endpoint = (first + index) % ENDPOINTS.length
    const atMs = WARM_MS + between(random, 0, PUBLISH_MS)
    const [fromMs, toMs] = random() < 0.5 ? BRIEFLY_MS : FOR_LONG_MS
    const forMs = between(random, fromMs, toMs)
    const nextMs = atMs + forMs + between(random, ...NEXT_MS)
    const next = { atMs: nextMs, account: ENDPOINTS[endpoint]?.account ?? 0, padding: 0, count: 1 }
    return { drawn: { atMs, forMs, endpoint }, next }
  })
}

function fault(random: Random, processes: number): SimFault {
  const kind = oneOf(random, KINDS)
  const [fromMs, toMs] = random() < 0.4 ? BRIEF_MS : LONG_MS
  const when = {
    atMs: WARM_MS + between(random, FIRST_MS, FAULT_MS),
    forMs: between(random, fromMs, toMs),
    victim: between(random, 0, processes - 1),
  }
  switch (kind) {
    case 'partition':
      return { ...when, kind, silence: oneOf(random, ['both_ways', 'replies'] as const) }
    case 'slow':
      return { ...when, kind, slowMs: between(random, ...SLOW_MS) }
    case 'crash-at':
      return { ...when, kind, point: oneOf(random, POINTS), nth: between(random, 1, 6) }
    case 'database-clock':
    case 'wall-clock':
      return { ...when, kind, stepMs: oneOf(random, STEPS_MS) }
    default:
      return { ...when, kind }
  }
}
