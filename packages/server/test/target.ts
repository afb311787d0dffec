import type { Target } from '#src/endpoints/target.ts'

/** An endpoint that has proven to work, as a worker knows it. */
export function targetOf(name: { accountId: string; endpointId: string }, known: Partial<Target> = {}): Target {
  return {
    accountId: name.accountId,
    endpointId: name.endpointId,
    environment: 'sandbox',
    url: 'https://hooks.example/',
    version: 1,
    disabled: false,
    deletedAt: null,
    canceledBefore: null,
    provenAt: new Date('2026-03-06T15:00:00Z'),
    failureClock: { failingSince: null, failures: 0, lastAttemptAt: null, warnedPercent: 0 },
    certificateEndsAt: null,
    failurePolicy: { disableFailing: false, disableAfterDays: 5 },
    throttleRate: null,
    timeoutMs: 5_000,
    retrySchedule: [],
    maxConcurrency: 20,
    ordering: 'none',
    headers: new Map(),
    secrets: [],
    ...known,
  }
}
