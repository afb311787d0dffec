import type { JobCounts, JobState, JobType } from './job.ts'

/** What was asked for. `opposite`: to take back what another job has done. */
export type ShownJobType = JobType | 'opposite'

export const SHOWN_JOB_STATES = [
  'pending',
  'running',
  'canceling',
  'canceled',
  'succeeded',
  'partly_failed',
  'failed',
] as const
export type ShownJobState = (typeof SHOWN_JOB_STATES)[number]

/** A change of the population, however many jobs of at most 50,000 NPNs it consists of. */
export type ShownJob = {
  /** Of its first part. */
  id: string
  /** Of its first part: later jobs have higher ones. */
  number: number
  type: ShownJobType
  parts: { id: string; state: JobState }[]
  total: number
  counts: JobCounts
  message: string | null
  acceptedAt: Date
  startedAt: Date | null
  updatedAt: Date
  finishedAt: Date | null
  cancelRequestedAt: Date | null
}

export function shownState({ parts, cancelRequestedAt, finishedAt }: ShownJob): ShownJobState {
  if (cancelRequestedAt) return finishedAt ? 'canceled' : 'canceling'
  const states = new Set(parts.map(({ state }) => state))
  if (!finishedAt) return states.size === 1 && states.has('pending') ? 'pending' : 'running'
  const [only] = states
  return states.size === 1 && only ? only : 'partly_failed'
}
