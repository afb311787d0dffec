import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Thrift } from './thrift.ts'

const MIB = 1024 * 1024

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

test('old objects are collected sooner from the first thing that is read until five seconds after the last one', () => {
  const { thrift, flags } = spared()
  for (let read = 0; read < 3; read += 1) {
    thrift.note()
    vi.advanceTimersByTime(4_999)
  }
  expect(flags).toEqual(['--heap-growing-percent=50'])
  vi.advanceTimersByTime(1)
  expect(flags).toEqual(['--heap-growing-percent=50', '--heap-growing-percent=0'])
  thrift.note()
  expect(flags).toHaveLength(3)
})

test('room for young objects grows to 64 MiB and no further, again when V8 has given some back, and as V8 likes afterwards', () => {
  let young = 32 * MIB
  const { thrift, flags } = spared({ youngBytes: () => young })
  const told: string[][] = []
  for (const size of [32, 64, 64, 8, 64]) {
    young = size * MIB
    thrift.note()
    vi.advanceTimersByTime(100)
    told.push(flags.splice(0).filter((flag) => flag.startsWith('--semi')))
  }
  const [grow, stay] = ['--semi-space-growth-factor=2', '--semi-space-growth-factor=1']
  expect(told).toEqual([[], [stay], [], [grow], [stay]])
  vi.advanceTimersByTime(5_000)
  expect(flags).toEqual(['--heap-growing-percent=0', grow])
})

test('V8 does as it is told while it runs: its room for young objects stays at 64 MiB', async () => {
  const program = `
    import { getHeapSpaceStatistics } from 'node:v8'
    import { thrift } from ${JSON.stringify(new URL('./thrift.ts', import.meta.url).href)}
    const room = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size / ${MIB}
    let kept = []
    const survive = () => {
      for (let made = 0; made < 1_000; made += 1) kept.push(new Array(100).fill(made))
      if (kept.length > 30_000) kept = []
    }
    while (room() < 64) survive()
    thrift.note()
    let most = 0
    for (let round = 0; round < 300; round += 1) {
      survive()
      most = Math.max(most, room())
    }
    console.log(most)`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program])
  expect(Number(stdout)).toBeLessThan(96) // twice 64 without it
})

test('old objects are spared while a collection leaves more of them than it should, whatever is read meanwhile', () => {
  let old = 600
  const { thrift, flags, collect } = spared({ oldBytes: () => old })
  thrift.watch(100)
  expect(flags).toEqual([])
  collect()
  thrift.note()
  vi.advanceTimersByTime(5_000)
  collect()
  expect(flags).toEqual(['--heap-growing-percent=50'])
  old = 100
  thrift.note()
  collect()
  vi.advanceTimersByTime(4_999)
  expect(flags).toEqual(['--heap-growing-percent=50'])
  vi.advanceTimersByTime(1)
  expect(flags).toEqual(['--heap-growing-percent=50', '--heap-growing-percent=0'])
})

test('V8 tells of its collections, and collects sooner where much was left', async () => {
  const program = `
    import { setTimeout } from 'node:timers/promises'
    import { getHeapSpaceStatistics } from 'node:v8'
    import { thrift } from ${JSON.stringify(new URL('./thrift.ts', import.meta.url).href)}
    const used = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space').space_used_size / ${MIB}
    const make = (count) => Array.from({ length: count }, (_, made) => new Array(100).fill(made))
    const kept = make(150_000) // 120 MB
    thrift.watch(100 * ${MIB})
    let most = 0
    for (let round = 0; round < 900; round += 1) {
      kept.splice(0, 3_000, ...make(3_000))
      await setTimeout() // collections are told of between two turns
      if (round >= 450) most = Math.max(most, used()) // how many may come after the first was decided with it
    }
    console.log(most)`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program])
  expect(Number(stdout)).toBeLessThan(400) // 570 without it
})

type Asked = { youngBytes?: () => number; oldBytes?: () => number }

function spared({ youngBytes = () => 0, oldBytes = () => 0 }: Asked = {}) {
  const flags: string[] = []
  const listeners: (() => void)[] = []
  const thrift = new Thrift({
    setFlag: (flag) => flags.push(flag),
    youngBytes,
    oldBytes,
    onCollected: (listener) => listeners.push(listener),
  })
  const collect = () => {
    for (const listener of listeners) listener()
  }
  return { thrift, flags, collect }
}
