/** How an endpoint is doing. Source: portal 5. */
export const ENDPOINT_STATES = ['unverified', 'healthy', 'degraded', 'failing', 'paused', 'disabled'] as const
export type EndpointState = (typeof ENDPOINT_STATES)[number]

/**
 * What became of the signal of a day. `none`: no run on that day, or none asked for; `due`: still to come; `overdue`: its time has
 * passed. Source: portal 6, S1.
 */
export const SIGNAL_STATES = ['published', 'late', 'failed', 'no_report', 'held', 'overdue', 'due', 'none'] as const
export type SignalState = (typeof SIGNAL_STATES)[number]

/** What an account does first, in this order. Source: portal 6, S1. */
export const CHECKLIST_STEPS = ['producers', 'endpoint', 'test_answered', 'signature_checked', 'first_event'] as const
