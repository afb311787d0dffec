import { expect, test } from 'vitest'
import { readOrEmpty } from '#src/adapters/read-or-empty.ts'
import { idleLinesMax } from './descriptors.ts'

test.each([
  ['256', 128],
  ['8192', 4_096],
  ['1048576', 5_000],
  ['unlimited', 5_000],
])('of %s descriptors, at most half are for connections that wait', (soft, lines) => {
  const limits = `Limit                     Soft Limit           Hard Limit           Units
Max processes             95691                95691                processes
Max open files            ${soft.padEnd(20)} 1048576              files
`
  expect(idleLinesMax(limits)).toBe(lines)
})

test('where nobody says how many there are, a number that most systems allow', () => {
  expect(idleLinesMax('')).toBe(2_000)
  expect(idleLinesMax('Max processes 5')).toBe(2_000)
})

test('this process has a limit', () => {
  expect(readOrEmpty('/proc/self/limits')).toMatch(/^Max open files/m)
})
