import { NPN } from '#src/population/npn.ts'
import type { PreviewReason } from './preview.ts'

const BLANKS = '\\u0020\\u00a0\\u2009\\u202f'
/** Groups of three digits: `15,645,555`, `15.645.555`, `15 645 555`, `15'645'555`. */
const THOUSANDS = new RegExp(`^[0-9]{1,3}([,.'’${BLANKS}][0-9]{3})+$`)

const DAMAGE: readonly (readonly [PreviewReason, RegExp])[] = [
  ['scientific_notation', /^[0-9]+([.,][0-9]+)?e[+-]?[0-9]+$/i],
  ['thousands_separators', THOUSANDS],
  ['decimal', /^[0-9]+[.,][0-9]+$/],
  ['leading_zeros', /^0[0-9]*$/],
  ['too_long', /^[0-9]{11,}$/],
]

/** Is this one damaged value, although it holds what separates fields? */
export function isDamagedWhole(text: string): boolean {
  const found = classify(text)
  return 'reason' in found && (found.reason === 'scientific_notation' || found.reason === 'thousands_separators')
}

/** What a value is: an NPN, as a number, or why it is none. */
export function classify(text: string): { npn: number } | { reason: PreviewReason } {
  if (NPN.test(text)) return { npn: Number(text) }
  return { reason: DAMAGE.find(([, pattern]) => pattern.test(text))?.[0] ?? 'malformed' }
}
