/** A colour by what is seen of it. Lightness 0 to 1; chroma from 0, about 0.37 at most in sRGB; hue in radians. */
export type Oklch = { lightness: number; chroma: number; hue: number }

type Triple = readonly [number, number, number]

const GAMUT_STEPS = 16
const GAMUT_SLACK = 1e-4

/** @param hex  `#rrggbb`. Source: CSS Color 4, 10 (conversion of colours), after Ottosson's Oklab */
export function fromHex(hex: string): Oklch {
  const [red, green, blue] = linear(hex)
  const long = Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
  const medium = Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
  const short = Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
  const a = 1.9779984951 * long - 2.428592205 * medium + 0.4505937099 * short
  const b = 0.0259040371 * long + 0.7827717662 * medium - 0.808675766 * short
  return {
    lightness: 0.2104542553 * long + 0.793617785 * medium - 0.0040720468 * short,
    chroma: Math.hypot(a, b),
    hue: Math.atan2(b, a),
  }
}

/** The colour, or where screens have none so colourful, the most colourful one of its lightness and hue. @returns `#rrggbb` */
export function toHex(colour: Oklch): string {
  let [low, high] = [0, colour.chroma]
  if (isInGamut(toLinear(colour))) return hexOf(toLinear(colour))
  for (let step = 0; step < GAMUT_STEPS; step += 1) {
    const middle = (low + high) / 2
    if (isInGamut(toLinear({ ...colour, chroma: middle }))) low = middle
    else high = middle
  }
  return hexOf(toLinear({ ...colour, chroma: low }))
}

/** The ratio of two colours, 1 to 21. Source: WCAG 2.2 */
export function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (high + 0.05) / (low + 0.05)
}

function luminance(hex: string): number {
  const [red, green, blue] = linear(hex)
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function toLinear({ lightness, chroma, hue }: Oklch): Triple {
  const [a, b] = [chroma * Math.cos(hue), chroma * Math.sin(hue)]
  const long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
  const medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
  const short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3
  return [
    4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
    -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
    -0.0041960863 * long - 0.7034186147 * medium + 1.707614701 * short,
  ]
}

function isInGamut(channels: Triple): boolean {
  return channels.every((value) => value >= -GAMUT_SLACK && value <= 1 + GAMUT_SLACK)
}

function linear(hex: string): Triple {
  return [channelOf(hex, 1), channelOf(hex, 3), channelOf(hex, 5)]
}

function channelOf(hex: string, at: number): number {
  const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
}

function hexOf(channels: Triple): string {
  const bytes = channels.map((value) => {
    const clipped = Math.min(1, Math.max(0, value))
    const share = clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055
    return Math.round(share * 255)
      .toString(16)
      .padStart(2, '0')
  })
  return `#${bytes.join('')}`
}
