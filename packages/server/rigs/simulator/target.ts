import type { SigningSecret } from '#src/endpoints/signing-secret.ts'
import type { Target } from '#src/endpoints/target.ts'
import type { Scenario } from './scenario.ts'
import { ACCOUNTS, ENDPOINTS, ENVIRONMENT } from './site.ts'
import type { EndpointState } from './switches.ts'

export const MAX_CONCURRENCY = 4

/** What a worker is told of an endpoint. */
export function targetOf(
  endpointId: string,
  state: EndpointState,
  scenario: Scenario,
  secret: SigningSecret,
  epochMs: number,
): Target {
  const number = ENDPOINTS.findIndex(({ id }) => id === endpointId)
  const endpoint = ENDPOINTS[number]
  const isFifo = number === scenario.fifo
  return {
    accountId: ACCOUNTS[endpoint?.account ?? 0],
    endpointId,
    environment: ENVIRONMENT,
    url: 'http://127.0.0.1/',
    ...state,
    deletedAt: null,
    provenAt: new Date(epochMs),
    failureClock: { failingSince: null, failures: 0, lastAttemptAt: null, warnedPercent: 0 },
    certificateEndsAt: null,
    failurePolicy: { disableFailing: false, disableAfterDays: 5 },
    throttleRate: null,
    timeoutMs: scenario.timeoutMs,
    retrySchedule: scenario.schedule,
    maxConcurrency: isFifo ? 1 : MAX_CONCURRENCY,
    ordering: isFifo ? 'fifo' : 'none',
    headers: new Map(),
    secrets: [{ secret, signsUntil: null }],
  }
}
