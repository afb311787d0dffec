import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const css = readFileSync(new URL('tokens.css', import.meta.url), 'utf8')

/** [light, dark] of each token that is a colour. */
const colours = new Map(
  [...css.matchAll(/--([a-z0-9-]+):\s*(?:light-dark\((#\w{6}),\s*(#\w{6})\)|(#\w{6}));/g)].map(
    ([, name = '', light, dark, both]) => [name, [light ?? both ?? '', dark ?? both ?? '']],
  ),
)

const EVERYWHERE = ['canvas', 'surface', 'raised', 'sunken']
const states = ['ok', 'warn', 'bad', 'wait', 'idle', 'sandbox']

/** What is drawn, on what, the ratio it needs, and the lowest it has in light and dark. */
const rows: [ink: string, grounds: string[], needed: number, light: number, dark: number][] = [
  ['ink', EVERYWHERE, 7, 14.17, 12.79],
  ['muted', EVERYWHERE, 4.5, 5.66, 6.86],
  ['control', EVERYWHERE, 3, 3.39, 3.83],
  ['accent', EVERYWHERE, 4.5, 6.16, 7.8],
  ['on-accent', ['accent'], 4.5, 7.2, 8.58],
  ['ink', ['accent-soft'], 7, 13.88, 10.6],
  ['focus', EVERYWHERE, 3, 5.89, 7.65],
  ['focus-on-rail', ['rail'], 3, 7.5, 9.45],
  ['ok', ['ok-soft'], 4.5, 6.01, 7.66],
  ['warn', ['warn-soft'], 4.5, 6.33, 7.74],
  ['bad', ['bad-soft'], 4.5, 5.97, 7.49],
  ['wait', ['wait-soft'], 4.5, 6.53, 7.62],
  ['idle', ['idle-soft'], 4.5, 5.61, 6.13],
  ['sandbox', ['sandbox-soft'], 4.5, 6.94, 7.84],
  ['rail-ink', ['rail'], 4.5, 11.68, 14.72],
  ['rail-muted', ['rail'], 4.5, 7.11, 7.56],
  ['rail-mark', ['rail'], 3, 7.63, 9.63],
  ['chart-ok', ['surface'], 3, 3.92, 6.43],
  ['chart-failed', ['surface'], 3, 5.02, 5.58],
  ...['p50', 'p95', 'max', 'limit'].map((line): [string, string[], number, number, number] => [
    `chart-${line}`,
    ['surface'],
    3,
    4.89,
    6.99,
  ]),
]

test.each(rows)('%s on %j keeps the contrast of the design (at least %d)', (ink, grounds, needed, light, dark) => {
  const isChartLine = /^chart-(p50|p95|max|limit)$/.test(ink)
  for (const [theme, promised] of [light, dark].entries()) {
    const lowest = Math.min(...grounds.map((ground) => ratio(colour(ink, theme), colour(ground, theme))))
    expect(lowest).toBeGreaterThanOrEqual(needed)
    if (isChartLine) expect(lowest).toBeGreaterThanOrEqual(promised - 0.005)
    else expect(lowest).toBeCloseTo(promised, 2)
  }
})

test('a state is readable on a card also where it has no ground of its own', () => {
  for (const state of states) {
    for (const theme of [0, 1]) {
      expect(ratio(colour(state, theme), colour('surface', theme))).toBeGreaterThanOrEqual(4.5)
    }
  }
})

function colour(name: string, theme: number): string {
  const value = colours.get(name)?.[theme]
  if (!value) throw new Error(`no colour ${name}`)
  return value
}

/** WCAG 2.2, contrast ratio. */
function ratio(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (high + 0.05) / (low + 0.05)
}

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
