import { expect, test } from 'vitest'
import { type Look, tokensOf } from './account-look.ts'

const shades = { accent: '#0b625c', onAccent: '#ffffff', accentSoft: '#d4f0ed' }
const look: Look = { name: 'Contoso', radius: 4, hasLogo: false, colours: { light: shades, dark: shades } }

test('a look becomes colours of both themes and three radii', () => {
  expect(tokensOf(look)).toEqual({
    accent: 'light-dark(#0b625c, #0b625c)',
    'on-accent': 'light-dark(#ffffff, #ffffff)',
    'accent-soft': 'light-dark(#d4f0ed, #d4f0ed)',
    'radius-control': '4px',
    'radius-card': '6px',
    'radius-badge': '4px',
  })
  expect(tokensOf({ ...look, radius: null, colours: null })).toEqual({})
})

test('what is no colour is not drawn, wherever it comes from', () => {
  const evil = { ...shades, accentSoft: 'url(https://evil.example/)' }
  expect(tokensOf({ ...look, radius: null, colours: { light: evil, dark: shades } })).toEqual({})
})
