import pino from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestDatabase, testDatabase } from '../../test/postgres.ts'
import { LaneReader, SWEEPS } from './lane-reader.ts'
import { Lanes } from './lanes.ts'

const SHARDS = 256
const NOW = new Date('2026-01-01T00:00:00Z')

let database: TestDatabase

beforeAll(async () => {
  database = await testDatabase()
  await database.open('migrate').query`
    insert into pending (account_id, event_id, delivery_id, endpoint_id, shard, queue, cause, created_at, due_at)
    select 'app_swept', 'msg_swept', gen_random_uuid(), 'ep_' || shard, shard, 0, 'event', ${NOW}, ${NOW}
      from generate_series(0, ${SHARDS - 1}) as shard`
})
afterAll(() => database.close())

// 256, 128, 86, 64: what one of up to four workers has
test.each([256, 128, 86, 64, 7])('one round of sweeps finds what no hint told of, in %i shards', async (count) => {
  const shards = Array.from({ length: count }, (_, shard) => shard)
  const found: number[] = []
  const reader = readerOf((shard) => found.push(shard))
  for (let round = 1; round <= 3; round += 1) {
    found.length = 0
    for (let sweep = 0; sweep < SWEEPS; sweep += 1) await reader.sweepSome(shards)
    expect(found.toSorted((a, b) => a - b)).toEqual(shards)
  }
})

test('a shard that stays is swept once in every round, however many others come and go', async () => {
  const found: number[] = []
  const reader = readerOf((shard) => found.push(shard))
  for (let sweep = 0; sweep < 3 * SWEEPS; sweep += 1) {
    const others = Array.from({ length: (sweep * 37) % 200 }, (_, index) => index)
    await reader.sweepSome([...others, 255])
  }
  expect(found.filter((shard) => shard === 255)).toHaveLength(3)
})

/** @param swept  told of each lane that a sweep finds; it is forgotten again at once */
function readerOf(swept: (shard: number) => void): LaneReader {
  const lanes = new Lanes(
    () => true,
    1,
    () => {},
  )
  return new LaneReader({
    database: database.open('worker'),
    lanes,
    clock: { now: () => NOW, alarm: () => ({ cancel() {} }) },
    log: pino({ level: 'silent' }),
    dueLater: () => undefined,
    changed: (lane) => {
      swept(lane.shard)
      lanes.forget(lane)
    },
    done: () => undefined,
  })
}
