/** What a list of NPNs is to do to the population. `opposite`: take back what a job has done. */
export const PREVIEW_MODES = ['add', 'remove', 'replace'] as const
export type PreviewMode = (typeof PREVIEW_MODES)[number] | 'opposite'

/** Where each row of a list ends up; and the NPNs that a replace removes, which stand on no row. */
export const PREVIEW_PARTS = ['add', 'remove', 'same', 'repeated', 'invalid'] as const
export type PreviewPart = (typeof PREVIEW_PARTS)[number]

/** Why a row changes nothing. */
export const PREVIEW_REASONS = {
  already_active: 'Is in the population already.',
  not_active: 'Is not in the population.',
  repeated: 'Stands on an earlier line.',
  scientific_notation: 'A spreadsheet has rounded it and lost digits: format the column as text, and export it again.',
  thousands_separators: 'A spreadsheet has put separators into it: format the column as text, and export it again.',
  decimal: 'A spreadsheet has given it decimals: format the column as text, and export it again.',
  leading_zeros: 'An NPN has no zeros in front.',
  too_long: 'An NPN has ten digits at most.',
  malformed: 'An NPN has digits alone.',
  limit_reached: 'The population would be full.',
} as const
export type PreviewReason = keyof typeof PREVIEW_REASONS
