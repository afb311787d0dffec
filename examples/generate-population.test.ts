import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { generatePopulation } from './generate-population.ts'

const file = readFileSync(new URL('./population-10k.csv', import.meta.url), 'utf8')

test('population-10k.csv is what the generator makes', () => {
  expect(file === generatePopulation()).toBe(true)
})

test('it holds 10,000 distinct NPNs of 7 to 9 digits under the header npn', () => {
  const [header, ...npns] = file.trimEnd().split('\n')
  expect(header).toBe('npn')
  expect(new Set(npns).size).toBe(10_000)
  expect(npns.filter((npn) => !/^[1-9][0-9]{6,8}$/.test(npn))).toEqual([])
})
