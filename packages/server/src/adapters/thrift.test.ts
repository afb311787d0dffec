import { afterEach, expect, test, vi } from 'vitest'
import { Thrift } from './thrift.ts'

afterEach(() => {
  vi.useRealTimers()
})

test('memory is spared from the first thing that is read until five seconds after the last one', () => {
  vi.useFakeTimers()
  const flags: string[] = []
  const thrift = new Thrift((flag) => flags.push(flag))
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
