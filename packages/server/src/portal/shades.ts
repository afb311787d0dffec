import { contrast, fromHex, type Oklch, toHex } from './oklch.ts'

/** What an accent becomes in one theme, each `#rrggbb`. */
export type Shades = { accent: string; onAccent: string; accentSoft: string }

type Theme = {
  /** What an accent is drawn on; as in the pages' tokens. */
  grounds: readonly string[]
  ink: string
  /** Lightness of the ground of what is chosen, and how colourful it is at most. */
  soft: { lightness: number; chromaMax: number }
  /** Where the accent moves as long as it cannot be read. */
  direction: -1 | 1
  onAccent: { lightness: number; chromaMax: number }
}

export const THEMES = {
  light: {
    grounds: ['#f5f6f3', '#ffffff', '#ebeeea'],
    ink: '#14211f',
    soft: { lightness: 0.935, chromaMax: 0.03 },
    direction: -1,
    onAccent: { lightness: 1, chromaMax: 0 },
  },
  dark: {
    grounds: ['#0e1514', '#151e1d', '#1c2726', '#0a100f'],
    ink: '#e4ecea',
    soft: { lightness: 0.315, chromaMax: 0.045 },
    direction: 1,
    onAccent: { lightness: 0.22, chromaMax: 0.03 },
  },
} as const satisfies Record<string, Theme>

/** WCAG 2.2 AA, of text. */
const RATIO = 4.5
const STEP = 0.005

/**
 * The accent as it can be read in both themes: its hue, and its lightness moved no further than it takes.
 * @param accent  `#rrggbb`
 * Source: portal 11
 */
export function shadesOf(accent: string): { light: Shades; dark: Shades } {
  const colour = fromHex(accent)
  return { light: inTheme(colour, THEMES.light), dark: inTheme(colour, THEMES.dark) }
}

function inTheme(colour: Oklch, { grounds, soft, direction, onAccent }: Theme): Shades {
  const accentSoft = tint(colour, soft)
  const end = direction > 0 ? 1 : 0
  const at = (lightness: number) => toHex({ ...colour, lightness })
  let { lightness } = colour
  while (lightness !== end && !isReadable(at(lightness), [...grounds, accentSoft])) {
    lightness = Math.min(1, Math.max(0, lightness + direction * STEP))
  }
  return { accent: at(lightness), onAccent: tint(colour, onAccent), accentSoft }
}

function tint({ chroma, hue }: Oklch, { lightness, chromaMax }: Theme['soft']): string {
  return toHex({ lightness, chroma: Math.min(chroma, chromaMax), hue })
}

function isReadable(hex: string, grounds: readonly string[]): boolean {
  return grounds.every((ground) => contrast(hex, ground) >= RATIO)
}
