export const ISSUE_ID_PREFIX = 'iss_'
export const ISSUE_STATES = ['open', 'acknowledged', 'resolved'] as const
export type IssueState = (typeof ISSUE_STATES)[number]
