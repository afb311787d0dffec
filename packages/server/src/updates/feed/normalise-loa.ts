/** What a line of authority is about, as customers filter it. Source: producersync-api 7. */
export const LOA_CATEGORIES = [
  'life',
  'health',
  'property',
  'casualty',
  'variable',
  'personal',
  'credit',
  'surety',
  'travel',
  'crop',
  'title',
  'surplus_lines',
  'other',
] as const
export type LoaCategory = (typeof LOA_CATEGORIES)[number]

/** A category belongs to a line when its name has one of these words. */
const WORDS: ReadonlyArray<readonly [LoaCategory, RegExp]> = [
  ['life', /\blife\b/],
  ['health', /\b(health|accident|sickness|disability)\b/],
  ['property', /\bproperty\b/],
  ['casualty', /\b(casualty|liability)\b/],
  ['variable', /\b(variable|annuity|annuities)\b/],
  ['personal', /\bpersonal\b/],
  ['credit', /\bcredit\b/],
  ['surety', /\b(surety|bail)\b/],
  ['travel', /\btravel\b/],
  ['crop', /\bcrop\b/],
  ['title', /\btitle\b/],
  ['surplus_lines', /\bsurplus\b/],
]

/** The categories of a line of authority by its name, in the order of the list; `other` when none fits or it has no name. */
export function loaCategories(loa: string | null): LoaCategory[] {
  const name = (loa ?? '').toLowerCase()
  const categories = WORDS.filter(([, words]) => words.test(name)).map(([category]) => category)
  return categories.length > 0 ? categories : ['other']
}
