import { join } from 'node:path'
import { Durations, type Spread } from './figures.ts'
import { readNotebook } from './notebook.ts'
import type { Stage } from './stage.ts'

export type LatencyFigures = {
  /** Acknowledged → first byte at the sink; 0 where the byte came first. */
  acceptToFirstByteMs: Spread
  /** Call due → first byte at the sink: storing included, and the publisher's own waiting. */
  dueToFirstByteMs: Spread
}

/**
 * Of the first request of each delivery whose call was due in that stretch.
 * @param firstEndpoint  those with lower numbers do not count
 */
export async function latencyOf(
  { publisher, sink, folder }: Stage,
  { startedAt, endedAt }: { startedAt: number; endedAt: number },
  firstEndpoint: number,
): Promise<LatencyFigures> {
  const acceptedFile = join(folder, 'accepted')
  const calls = new Map<string, { dueAt: number; answeredAt: number }>()
  for (const line of readNotebook(acceptedFile, await publisher.ask('write', acceptedFile))) {
    if (line.at >= startedAt && line.at < endedAt) calls.set(line.id, { dueAt: line.at, answeredAt: line.other })
  }
  const afterAnswer = new Durations()
  const afterDue = new Durations()
  const receivedFile = join(folder, 'received')
  for (const { id, at, other: endpoint } of readNotebook(receivedFile, await sink.ask('write', receivedFile))) {
    const call = calls.get(id)
    if (!call || endpoint < firstEndpoint) continue
    afterAnswer.add(Math.max(0, at - call.answeredAt))
    afterDue.add(at - call.dueAt)
  }
  return { acceptToFirstByteMs: afterAnswer.spread(), dueToFirstByteMs: afterDue.spread() }
}
