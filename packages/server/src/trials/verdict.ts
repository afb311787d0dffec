/** The requests of a signature check, in the order in which they are sent. */
export const CHECKED = ['good', 'wrong', 'old'] as const
export type Checked = (typeof CHECKED)[number]

export const VERDICTS = [
  'verifies',
  'takes_old_requests',
  'refuses_by_crashing',
  'accepts_unsigned',
  'refuses_valid',
  'could_not_check',
] as const
export type Verdict = (typeof VERDICTS)[number]
