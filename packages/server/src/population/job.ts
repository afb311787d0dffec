import { DomainError } from '#src/domain-error.ts'
import { type Npn, parseNpn } from './npn.ts'

/** PUT, POST and DELETE of subscriptions. */
export type JobType = 'add' | 'replace' | 'remove'

export type JobState = 'pending' | 'running' | 'succeeded' | 'partly_failed' | 'failed'

export const outcomes = ['added', 'already_active', 'removed', 'not_active', 'invalid'] as const
export type Outcome = (typeof outcomes)[number]

/** Why an item is `invalid`: no NPN, or the population is full. */
export type InvalidReason = 'malformed' | 'limit_reached'

export type JobCounts = Record<Outcome, number>

/** A job as its account sees it. `leaving`: what a replace removes, known once it has started. `…On`: days of the account's feed. */
export type Job = {
  id: string
  type: JobType
  state: JobState
  requested: number
  distinct: number
  leaving: number
  counts: JobCounts
  message: string | null
  createdOn: string
  updatedOn: string
  acceptedAt: Date
  startedAt: Date | null
  updatedAt: Date
  finishedAt: Date | null
}

/** One element of a body. A malformed one keeps its text, whatever characters it has. */
export type Item = { npn: Npn } | { npn: null; malformed: string }

export type ItemResult = { npn: string; outcome: Outcome | null; reason: InvalidReason | null }

/** What a body asks for: each distinct element once, at its first place. */
export type JobRequest = { type: JobType; requested: number; items: Item[] }

export const ELEMENTS_MAX = 50_000
/** A job is readable for this long after its acceptance. */
export const JOB_KEPT_DAYS = 90

/**
 * Reads the body of POST, PUT or DELETE: an array of 1 to 50,000 strings (a replace: 0 to 50,000).
 * Strings that are no NPN are taken, and get their outcome from the job.
 * @param confirmEmpty  a replace that holds no NPN, and so removes the whole population, is meant
 * @throws DomainError `invalid_input`
 */
export function parseJobRequest(type: JobType, body: unknown, confirmEmpty: boolean): JobRequest {
  if (!Array.isArray(body)) throw refused('body: must be a JSON array of NPNs')
  const elements: unknown[] = body
  if (elements.length > ELEMENTS_MAX)
    throw refused(`body: must hold at most ${ELEMENTS_MAX} NPNs, not ${elements.length}`)
  if (elements.length === 0 && type !== 'replace') throw refused('body: must hold at least one NPN')
  const items = new Map<string, Item>()
  elements.forEach((element, index) => {
    if (typeof element !== 'string') throw refused(`body[${index}]: must be a string`)
    if (items.has(element)) return
    const npn = parseNpn(element)
    items.set(element, npn ? { npn } : { npn: null, malformed: element })
  })
  const distinct = [...items.values()]
  if (type === 'replace' && !confirmEmpty && distinct.every((item) => item.npn === null)) {
    throw refused('body: holds no NPN; to remove the whole population, add ?confirmEmpty=true')
  }
  return { type, requested: elements.length, items: distinct }
}

function refused(message: string): DomainError {
  return new DomainError('invalid_input', message)
}

/** How a job has ended that has treated all its items. */
export function endOf(counts: JobCounts): 'succeeded' | 'partly_failed' | 'failed' {
  if (counts.invalid === 0) return 'succeeded'
  return counts.invalid === processedOf(counts) ? 'failed' : 'partly_failed'
}

/** How a job has ended that is given up. */
export function endWhenStopped(counts: JobCounts): 'partly_failed' | 'failed' {
  return processedOf(counts) > 0 ? 'partly_failed' : 'failed'
}

export function processedOf(counts: JobCounts): number {
  return outcomes.reduce((sum, outcome) => sum + counts[outcome], 0)
}
