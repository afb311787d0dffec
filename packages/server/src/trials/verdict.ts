import type { SignatureVerdict } from '#src/endpoints/endpoint.ts'

/** The requests of a signature check, in the order in which they are sent. */
export const CHECKED = ['good', 'wrong', 'old'] as const
export type Checked = (typeof CHECKED)[number]

/** Statuses by which a receiver says something else than that it refuses the request. */
const NO_REFUSALS: ReadonlySet<number> = new Set([404, 405, 408, 410, 429])

const TEXTS: Readonly<Record<SignatureVerdict, { title: string; advice: string }>> = {
  verifies: { title: 'Verifies signatures', advice: 'Nothing to do.' },
  takes_old_requests: {
    title: 'Verifies, but takes old requests',
    advice: 'Check the timestamp: refuse what was signed more than 5 minutes ago.',
  },
  refuses_by_crashing: { title: 'Refuses by crashing', advice: 'Answer 400 or 401 when a signature does not fit.' },
  accepts_unsigned: {
    title: 'Accepts unsigned data',
    advice: 'Verify the signature before anything else: anybody who knows the URL can send you events.',
  },
  refuses_valid: {
    title: 'Refuses valid data',
    advice: 'Most likely the body is parsed before it is verified; else it is another secret, or a wrong clock.',
  },
  could_not_check: { title: 'Could not check', advice: 'Not all requests were answered in a way that says something.' },
}

/**
 * What the statuses of the three answers say; 0: no response. Source: portal 6, S10.5. A 404 or 429 is no refusal of what
 * was sent: it says nothing about signatures.
 */
export function verdictOf({ good, wrong, old }: Readonly<Record<Checked, number>>): SignatureVerdict {
  if (refuses(good) && refuses(wrong)) return 'refuses_valid'
  if (!accepts(good)) return 'could_not_check'
  if (accepts(wrong)) return 'accepts_unsigned'
  if (wrong >= 500 && wrong <= 599) return 'refuses_by_crashing'
  if (!refuses(wrong)) return 'could_not_check'
  if (refuses(old)) return 'verifies'
  return accepts(old) ? 'takes_old_requests' : 'could_not_check'
}

export function verdictText(verdict: SignatureVerdict): { title: string; advice: string } {
  return TEXTS[verdict]
}

function accepts(status: number): boolean {
  return status >= 200 && status <= 299
}

function refuses(status: number): boolean {
  return status >= 400 && status <= 499 && !NO_REFUSALS.has(status)
}
