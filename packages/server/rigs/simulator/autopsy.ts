import type { SimProcess } from './sim-process.ts'

/** What a process believed when a seed failed: its lease, whether it has these shards, and all that is in its lanes. */
export function describeProcess({ life, worker, nowMs }: SimProcess, shards: readonly number[]): string[] {
  const { ownership, lanes } = worker
  const owned = shards.filter((shard) => ownership.epochOf(shard) !== undefined)
  const given = owned.filter((shard) => !ownership.takes(shard))
  const from = (moment: Date | null) => (moment === null ? 'never' : `${moment.getTime() - nowMs} ms`)
  return [
    `${life.owner} is ${life.state}: worker ${ownership.workerId}, heard ${Math.round(ownership.leaseAgeMs)} ms ago, ` +
      `${ownership.shardCount} shards, of these ${owned.join(' ')}, giving back ${given.join(' ')}`,
    ...lanes.flatMap((lane) => [
      `  lane ${lane.endpointId} in shard ${lane.shard}: ${lane.inFlight} in flight, ${lane.unsettled} unsettled, held ${[...lane.held.keys()].join(' ')}, ` +
        `target read ${from(lane.targetReadAt)}, paused until ${from(lane.pausedUntil)}` +
        `${lane.closing ? ', closing' : ''}${lane.deferred ? ', deferred' : ''}${lane.disable ? ', disabled' : ''}`,
      ...Object.entries(lane.queues).map(
        ([name, { due, unread, reading, nextDueAt }]) =>
          `    ${name}: ${due.length} due, next ${from(nextDueAt)}, read from ${from(lane.readFrom[name as keyof typeof lane.readFrom])}` +
          `${unread ? ', unread' : ''}${reading ? ', reading' : ''}`,
      ),
    ]),
  ]
}
