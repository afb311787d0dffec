import pino from 'pino'
import { expect, test } from 'vitest'
import type { Target } from '#src/endpoints/target.ts'
import { Lanes } from './lanes.ts'
import { TargetReader } from './target-reader.ts'

const NOW = new Date('2026-01-01T00:00:00Z')
const NAME = { accountId: 'app_read', endpointId: 'ep_read', shard: 7 }

test('an endpoint that changes while it is read is known when it has been read once more, and nothing starts before', async () => {
  const lanes = new Lanes(() => true, 1)
  const lane = lanes.of(NAME)
  const reads: PromiseWithResolvers<Target[]>[] = []
  const rounds: PromiseWithResolvers<void>[] = [Promise.withResolvers(), Promise.withResolvers()]
  const begun: PromiseWithResolvers<void>[] = [Promise.withResolvers(), Promise.withResolvers()]
  let ended = 0
  const reader = new TargetReader({
    read: () => {
      const read = Promise.withResolvers<Target[]>()
      begun[reads.push(read) - 1]?.resolve()
      return read.promise
    },
    lanes,
    clock: { now: () => NOW, alarm: () => ({ cancel() {} }) },
    log: pino({ level: 'silent' }),
    refreshed: () => undefined,
    done: () => {
      rounds[ended]?.resolve()
      ended += 1
    },
  })
  reader.want(lane)
  await begun[0]?.promise
  reader.outdate(lane)
  reads[0]?.resolve([targetOf(1)])
  await rounds[0]?.promise
  expect([lane.target, lane.targetReadAt]).toEqual([null, null])
  await begun[1]?.promise
  reads[1]?.resolve([targetOf(2)])
  await rounds[1]?.promise
  expect([lane.target?.version, lane.targetReadAt]).toEqual([2, NOW])
  expect(reader.isIdle).toBe(true)
})

function targetOf(version: number): Target {
  return {
    ...NAME,
    environment: 'sandbox',
    url: 'https://hooks.example/',
    version,
    disabled: false,
    deletedAt: null,
    canceledBefore: null,
    provenAt: NOW,
    failureClock: { failingSince: null, failures: 0, lastAttemptAt: null, warnedPercent: 0 },
    certificateEndsAt: null,
    failurePolicy: { disableFailing: false, disableAfterDays: 5 },
    throttleRate: null,
    timeoutMs: 5_000,
    retrySchedule: [],
    maxConcurrency: 20,
    ordering: 'none',
    headers: new Map(),
    secrets: [],
  }
}
