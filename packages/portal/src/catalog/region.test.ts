import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { regionOf } from './region.ts'

const folder = new URL('../../../../docs/snippets/verify/', import.meta.url)

test.each(readdirSync(folder))('of %s readers see the very bytes that the checks run, without the marks', (name) => {
  const file = readFileSync(new URL(name, folder), 'utf8')
  const shown = regionOf(file)
  expect(file).toContain(shown)
  expect(shown.length).toBeGreaterThan(200)
  expect(shown).not.toMatch(/region verify/)
})
