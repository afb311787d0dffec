import type { FailureClass } from '#src/delivery/failure-classes.ts'

export const ISSUE_ID_PREFIX = 'iss_'

export const ISSUE_STATES = ['open', 'acknowledged', 'resolved'] as const
export type IssueState = (typeof ISSUE_STATES)[number]

/** It was delivered again; a person said so; there is nothing left to put right. */
export const RESOLUTIONS = ['delivered', 'person', 'endpoint_deleted'] as const
export type Resolution = (typeof RESOLUTIONS)[number]

/** What is wrong with one endpoint in one way, from the first failed attempt until it works again. */
export type Issue = {
  id: string // iss_…
  accountId: string
  endpointId: string
  endpointUrl: string
  endpointDescription: string
  timeoutMs: number | null // of the endpoint; null: the environment's
  failureClass: FailureClass
  state: IssueState
  firstAt: Date
  lastAt: Date
  failures: number
  events: number // whose first attempt failed so
  exhausted: number // deliveries that were given up
  latestAttemptId: string
  latestEventId: string
  latestStatus: number // code of its answer; 0 without one
  acknowledgedAt: Date | null
  resolvedAt: Date | null
  resolvedBy: Resolution | null
  note: string | null
}
