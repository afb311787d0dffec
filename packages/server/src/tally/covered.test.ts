import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import { FIVE_MS, HOUR_MS, piecesOf } from './covered.ts'

const NOW = new Date('2026-03-06T15:07:11.000Z')
const ago = (ms: number) => addMs(NOW, -ms)
const shown = (since: Date, until: Date, coverage: { from: Date; until: Date } | null, finest?: number) =>
  piecesOf({ since, until }, coverage, NOW, finest).map(
    ({ of, from, until }) => `${of} ${from.toISOString().slice(5, 19)} ${until.toISOString().slice(5, 19)}`,
  )

test('whole hours are read as such, the edges from five minutes and from the attempts', () => {
  const coverage = { from: new Date('2026-01-01T00:00:00Z'), until: new Date('2026-03-06T15:05:00Z') }
  expect(shown(new Date('2026-03-05T23:58:00Z'), NOW, coverage)).toEqual([
    'attempts 03-05T23:58:00 03-06T00:00:00',
    'hours 03-06T00:00:00 03-06T15:00:00',
    'fives 03-06T15:00:00 03-06T15:05:00',
    'attempts 03-06T15:05:00 03-06T15:07:11',
  ])
  // five minutes are not kept for long
  expect(shown(new Date('2026-03-01T00:05:00Z'), new Date('2026-03-01T01:00:00Z'), coverage)).toEqual([
    'attempts 03-01T00:05:00 03-01T01:00:00',
  ])
})

test('periods of five minutes are never read from an hour', () => {
  const coverage = { from: ago(50 * HOUR_MS), until: new Date('2026-03-06T15:05:00Z') }
  const hour = [new Date('2026-03-06T13:00:00Z'), new Date('2026-03-06T15:00:00Z')] as const
  expect(shown(...hour, coverage, FIVE_MS)).toEqual(['fives 03-06T13:00:00 03-06T15:00:00'])
})

test('nothing is covered before the first counting, and where it does not reach', () => {
  expect(shown(ago(HOUR_MS), NOW, null)).toEqual(['attempts 03-06T14:07:11 03-06T15:07:11'])
  const coverage = { from: new Date('2026-03-06T14:30:00Z'), until: new Date('2026-03-06T14:30:00Z') }
  expect(shown(ago(HOUR_MS), NOW, coverage).every((piece) => piece.startsWith('attempts'))).toBe(true)
})

test('pieces follow each other without gap or overlap, on full hours and five minutes inside of what is covered', () => {
  const moment = fc.integer({ min: 0, max: 60 * 60 * 60 }).map((seconds) => ago(seconds * 1000))
  const step = fc
    .integer({ min: 0, max: 700 })
    .map((steps) => new Date(Math.floor(NOW.getTime() / FIVE_MS - steps) * FIVE_MS))
  fc.assert(
    fc.property(moment, moment, step, step, fc.constantFrom(FIVE_MS, HOUR_MS), (a, b, c, d, finest) => {
      const [since, until] = a < b ? [a, b] : [b, a]
      const coverage = c < d ? { from: c, until: d } : { from: d, until: c }
      const pieces = piecesOf({ since, until }, coverage, NOW, finest)
      const bounds = pieces.flatMap(({ from, until }) => [from.getTime(), until.getTime()])
      expect(bounds.slice(1, -1)).toEqual(bounds.slice(1, -1).toSorted((x, y) => x - y))
      if (since < until) expect([bounds[0], bounds.at(-1)]).toEqual([since.getTime(), until.getTime()])
      for (const { of, from, until } of pieces) {
        if (of === 'attempts') continue
        const everyMs = of === 'hours' ? HOUR_MS : FIVE_MS
        expect([from.getTime() % everyMs, until.getTime() % everyMs]).toEqual([0, 0])
        expect(from >= coverage.from && until <= coverage.until).toBe(true)
        if (of === 'hours') expect(finest).toBe(HOUR_MS)
      }
    }),
  )
})
