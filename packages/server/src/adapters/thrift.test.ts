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
  const { thrift, flags } = spared(() => 0)
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
  const { thrift, flags } = spared(() => young)
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

test('memory is spared while the process holds more than it is to, and for five seconds after that', () => {
  let resident = 600
  const { thrift, flags } = spared(
    () => 0,
    () => resident,
  )
  thrift.watch(640)
  vi.advanceTimersByTime(10_000)
  expect(flags).toEqual([])
  resident = 641
  vi.advanceTimersByTime(10_000)
  expect(flags).toEqual(['--heap-growing-percent=50'])
  resident = 640
  vi.advanceTimersByTime(5_000)
  expect(flags).toEqual(['--heap-growing-percent=50', '--heap-growing-percent=0'])
})

function spared(youngBytes: () => number, residentBytes: () => number = () => 0): { thrift: Thrift; flags: string[] } {
  const flags: string[] = []
  return { thrift: new Thrift({ setFlag: (flag) => flags.push(flag), youngBytes, residentBytes }), flags }
}
