import { describe, expect, test } from 'vitest'
import { randomOf } from './chance.ts'
import { ALL_FAULTS, DEFAULT_FAULTS, DISK_FAULTS, type FaultKind } from './options.ts'
import { type PlannedFault, planFaults } from './plan.ts'

const APIS = ['api-1', 'api-2']
const KINDS: readonly FaultKind[] = DEFAULT_FAULTS
const SEEDS = Array.from({ length: 200 }, (_, seed) => seed)

function plan(seed: number, { workers = 2, durationMs = 60_000, kinds = KINDS } = {}): PlannedFault[] {
  const names = Array.from({ length: workers }, (_, index) => `worker-${index + 1}`)
  return planFaults({ random: randomOf(seed), durationMs, kinds, workers: names, apis: APIS })
}

describe.each([2, 3])('with %i workers', (workers) => {
  test('every kind of fault is done within a minute, and all have ended by then', () => {
    for (const seed of SEEDS) {
      const faults = plan(seed, { workers })
      const missing = DEFAULT_FAULTS.filter((kind) => !faults.some((fault) => fault.kind === kind))
      expect(missing, `seed ${seed}`).toEqual([])
      expect(
        faults.filter(({ atMs, forMs }) => atMs + forMs > 60_000),
        `seed ${seed}`,
      ).toEqual([])
    }
  })

  test('one worker and one API process are left alone at any moment', () => {
    for (const seed of SEEDS) {
      const faults = plan(seed, { workers })
      for (const { atMs } of faults) {
        const held = faults.filter((other) => other.atMs <= atMs && other.atMs + other.forMs >= atMs)
        const hit = [...new Set(held.map(({ victim }) => victim ?? 'database'))]
        expect(hit.filter((name) => name.startsWith('worker')).length, `seed ${seed}`).toBeLessThan(workers)
        expect(hit.filter((name) => name.startsWith('api')).length, `seed ${seed}`).toBeLessThan(APIS.length)
      }
    }
  })
})

test('no shard loses five owners within a minute, and not all faults are of other kinds for that', () => {
  for (const seed of SEEDS.slice(0, 50)) {
    const deaths = plan(seed, { durationMs: 300_000 }).filter(
      ({ kind, victim }) => ['kill', 'stop', 'partition'].includes(kind) && victim?.startsWith('worker'),
    )
    expect(deaths.length, `seed ${seed}`).toBeGreaterThanOrEqual(12)
    for (const { atMs } of deaths)
      expect(deaths.filter((other) => other.atMs >= atMs && other.atMs < atMs + 60_000).length).toBeLessThan(5)
  }
})

test('ten minutes hold at least fifty faults, and the database dies five times a minute at most', () => {
  for (const seed of SEEDS.slice(0, 20)) {
    const faults = plan(seed, { durationMs: 600_000 })
    expect(faults.length).toBeGreaterThanOrEqual(50)
    const deaths = faults.filter(({ kind }) => kind === 'db-kill' || kind === 'db-restart')
    for (const { atMs } of deaths) {
      const within = deaths.filter((other) => other.atMs >= atMs && other.atMs < atMs + 60_000)
      expect(within.length).toBeLessThanOrEqual(5)
    }
  }
})

test('with all kinds, the disk has one trouble at a time, and the database ends five times a minute at most', () => {
  for (const seed of SEEDS.slice(0, 50)) {
    const faults = plan(seed, { durationMs: 300_000, kinds: ALL_FAULTS })
    expect(new Set(faults.map(({ kind }) => kind)), `seed ${seed}`).toEqual(new Set(ALL_FAULTS))
    const ofDisk = faults.filter(({ kind }) => DISK_FAULTS.some((known) => known === kind))
    for (const [index, fault] of ofDisk.entries()) {
      const before = ofDisk[index - 1]
      if (before) expect(fault.atMs, `seed ${seed}`).toBeGreaterThan(before.atMs + before.forMs)
    }
    const ends = faults.filter(({ kind }) => ['db-kill', 'db-restart', 'disk-full', 'power-cut'].includes(kind))
    for (const { atMs } of ends)
      expect(ends.filter((end) => end.atMs >= atMs && end.atMs < atMs + 60_000).length).toBeLessThanOrEqual(5)
  }
})

test('a seed gives the same plan again', () => {
  expect(plan(7)).toEqual(plan(7))
  expect(plan(7)).not.toEqual(plan(8))
})
