import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { contrast, fromHex, toHex } from './oklch.ts'
import { shadesOf, THEMES } from './shades.ts'

const hex = fc.integer({ min: 0, max: 0xffffff }).map((value) => `#${value.toString(16).padStart(6, '0')}`)

test('every accent can be read in both themes, and what stands on it too', () => {
  fc.assert(
    fc.property(hex, (accent) => {
      const shades = shadesOf(accent)
      for (const theme of ['light', 'dark'] as const) {
        const { grounds, ink } = THEMES[theme]
        const { accent: shown, onAccent, accentSoft } = shades[theme]
        for (const ground of [...grounds, accentSoft, onAccent]) {
          expect(contrast(shown, ground), `${accent} ${theme}: ${shown} on ${ground}`).toBeGreaterThanOrEqual(4.5)
        }
        expect(contrast(ink, accentSoft), `${accent} ${theme}: ink on ${accentSoft}`).toBeGreaterThanOrEqual(7)
      }
    }),
    { numRuns: 500 },
  )
})

test('an accent that can be read stays as it is, and one that cannot keeps its hue', () => {
  expect(shadesOf('#0b625c').light.accent).toBe('#0b625c')
  expect(shadesOf('#5fcabc').dark.accent).toBe('#5fcabc')
  const yellow = fromHex('#ffd400')
  const shown = fromHex(shadesOf('#ffd400').light.accent)
  expect(shown.lightness).toBeLessThan(yellow.lightness)
  expect(Math.abs(shown.hue - yellow.hue)).toBeLessThan(0.05)
})

test('a colour comes back from OKLCH as it was', () => {
  fc.assert(
    fc.property(hex, (colour) => {
      expect(toHex(fromHex(colour))).toBe(colour)
    }),
  )
})

test('the grounds are those of the pages', () => {
  const css = readFileSync(new URL('../../../portal/src/look/tokens.css', import.meta.url), 'utf8')
  const token = (name: string) => new RegExp(`--${name}: light-dark\\((#\\w{6}), (#\\w{6})\\)`).exec(css)?.slice(1)
  for (const [at, theme] of (['light', 'dark'] as const).entries()) {
    expect(THEMES[theme].ink).toBe(token('ink')?.[at])
    const grounds = ['canvas', 'surface', 'raised', 'sunken'].map((name) => token(name)?.[at])
    expect(new Set(grounds)).toEqual(new Set(THEMES[theme].grounds))
  }
})
