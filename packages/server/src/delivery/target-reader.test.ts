import pino from 'pino'
import { expect, test } from 'vitest'
import type { Target } from '#src/endpoints/target.ts'
import { targetOf } from '../../test/target.ts'
import type { Lane } from './lane.ts'
import { Lanes } from './lanes.ts'
import { TargetReader } from './target-reader.ts'

const NOW = new Date('2026-01-01T00:00:00Z')
const NAME = { accountId: 'app_read', endpointId: 'ep_read', shard: 7 }

test('an endpoint that changes while it is read is known when it has been read once more, and nothing starts before', async () => {
  const { lane, reader, round } = readerOf()
  reader.want(lane)
  await round(1, () => reader.outdate(lane))
  expect([lane.target, lane.targetReadAt]).toEqual([null, null])
  await round(2)
  expect([lane.target?.version, lane.targetReadAt]).toEqual([2, NOW])
  expect(reader.isIdle).toBe(true)
})

test('an endpoint that changes during every read is known by every second one', async () => {
  const { lane, reader, round } = readerOf()
  reader.want(lane)
  const known: (number | undefined)[] = []
  for (let version = 1; version <= 6; version += 1) {
    await round(version, () => reader.outdate(lane))
    known.push(lane.target?.version)
  }
  expect(known).toEqual([undefined, 2, 2, 4, 4, 6])
})

/** A reader whose reads end when `round` says so. */
function readerOf(): {
  lane: Lane
  reader: TargetReader
  round: (version: number, meanwhile?: () => void) => Promise<void>
} {
  const lanes = new Lanes(
    () => true,
    1,
    () => {},
  )
  const lane = lanes.of(NAME)
  let begun = Promise.withResolvers<PromiseWithResolvers<Target[]>>()
  let ended = Promise.withResolvers<void>()
  const reader = new TargetReader({
    read: () => {
      const read = Promise.withResolvers<Target[]>()
      begun.resolve(read)
      return read.promise
    },
    lanes,
    clock: { now: () => NOW, alarm: () => ({ cancel() {} }) },
    log: pino({ level: 'silent' }),
    refreshed: () => undefined,
    done: () => ended.resolve(),
  })
  const round = async (version: number, meanwhile?: () => void) => {
    const read = await begun.promise
    begun = Promise.withResolvers()
    ended = Promise.withResolvers()
    meanwhile?.()
    read.resolve([targetOf(NAME, { version })])
    await ended.promise
  }
  return { lane, reader, round }
}
