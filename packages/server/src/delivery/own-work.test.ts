import { expect, test } from 'vitest'
import type { Target } from '#src/endpoints/target.ts'
import { targetOf } from '../../test/target.ts'
import type { Lane } from './lane.ts'
import { Lanes } from './lanes.ts'
import { chooseOwnWork } from './own-work.ts'

const ACCOUNT = 'app_1'
const MANY = new Map([[ACCOUNT, 8]])

function laneOf(lanes: Lanes, number: number, known: Partial<Target> = {}): Lane {
  const name = { accountId: ACCOUNT, endpointId: `ep_${number}`, shard: number % 256 }
  const lane = lanes.of(name)
  lane.target = targetOf(name, known)
  return lane
}

/** @param owned  whether this worker owns the shards */
function parts(owned = true) {
  const lanes = new Lanes(
    () => owned,
    1_000,
    () => {},
  )
  return { lanes, workerId: 'worker', epochOf: () => (owned ? 7 : undefined), bundledFrom: 8 }
}

test('an endpoint that does well, in an owned shard, gets from memory what many events bring it', () => {
  const own = parts()
  laneOf(own.lanes, 3)
  expect(chooseOwnWork(MANY, own)).toEqual({ workerId: 'worker', shards: new Map([[3, 7]]), endpointIds: ['ep_3'] })
})

test.each<[string, Partial<Target>, (lane: Lane) => void]>([
  ['is sent to in order', { ordering: 'fifo' }, () => {}],
  ['has a rate', { throttleRate: 5 }, () => {}],
  ['has not proven to work', { provenAt: null }, () => {}],
  ['is disabled', { disabled: true }, () => {}],
  [
    'fails',
    { failureClock: { failingSince: new Date(), failures: 1, lastAttemptAt: new Date(), warnedPercent: 0 } },
    () => {},
  ],
  ['is not known yet', {}, (lane) => Object.assign(lane, { target: null })],
  ['waits for its breaker or its rate', {}, (lane) => Object.assign(lane, { pausedUntil: new Date() })],
  ['has deliveries that are not in memory', {}, (lane) => Object.assign(lane.queues.first, { unread: true })],
  ['had no time or room for a bundle', {}, (lane) => lane.rows.begin(performance.now())],
])('one that %s has rows', (_why, known, change) => {
  const own = parts()
  change(laneOf(own.lanes, 3, known))
  expect(chooseOwnWork(MANY, own)).toBeNull()
})

test('few events, another account, or a shard of somebody else: rows', () => {
  const own = parts()
  laneOf(own.lanes, 3)
  expect(chooseOwnWork(new Map([[ACCOUNT, 7]]), own)).toBeNull()
  expect(chooseOwnWork(new Map([['app_2', 8]]), own)).toBeNull()
  const foreign = parts(false)
  laneOf(foreign.lanes, 3)
  expect(chooseOwnWork(MANY, foreign)).toBeNull()
})

test('a statement names 256 endpoints at most', () => {
  const own = parts()
  for (let number = 0; number < 300; number += 1) laneOf(own.lanes, number)
  expect(chooseOwnWork(MANY, own)?.endpointIds).toHaveLength(256)
})
