import { expect, test } from 'vitest'
import { memoryBytes, sharedBuffersMib } from './memory.ts'

const GIB = 2 ** 30

test.each([
  [1, 256],
  [4, 256],
  [8, 512],
  [16, 1_024],
  [256, 1_024],
])('of %i GiB the server keeps pages in %i MiB', (memory, mib) => {
  expect(sharedBuffersMib(memory * GIB)).toBe(mib)
})

test('there is as much memory as this machine has, at most', () => {
  expect(memoryBytes()).toBeGreaterThan(0)
  expect(Number.isSafeInteger(memoryBytes())).toBe(true)
})
