import type { OwnWork } from '#src/events/accept.ts'
import type { Lane } from './lane.ts'
import type { Lanes } from './lanes.ts'

/** A bundle costs as much as some rows: so many events of an account in one statement are worth one. */
export const BUNDLED_FROM = 8
/** So many lanes are looked at for a statement: each endpoint that it names costs it a little. */
const LANES_MAX = 256

/** Which endpoints get from this process, at once, what a statement accepts for them: so many events for each account. */
export function chooseOwnWork(
  events: ReadonlyMap<string, number>,
  parts: {
    lanes: Lanes
    workerId: string
    /** In which this worker owns the shard. */
    epochOf: (shard: number) => number | undefined
    bundledFrom: number
  },
): OwnWork | null {
  const { lanes, workerId, epochOf, bundledFrom } = parts
  const shards = new Map<number, number>()
  const endpointIds = lanesOf(events, lanes, bundledFrom).flatMap((lane) => {
    const epoch = epochOf(lane.shard)
    if (epoch === undefined || !lanes.isLive(lane) || !lane.isSwift) return []
    shards.set(lane.shard, epoch)
    return lane.endpointId
  })
  return endpointIds.length === 0 ? null : { workerId, shards, endpointIds }
}

function lanesOf(events: ReadonlyMap<string, number>, lanes: Lanes, bundledFrom: number): Lane[] {
  const some: Lane[] = []
  for (const [accountId, count] of events) {
    if (count < bundledFrom) continue
    for (const lane of lanes.ofAccount(accountId)) {
      if (some.length >= LANES_MAX) return some
      some.push(lane)
    }
  }
  return some
}
