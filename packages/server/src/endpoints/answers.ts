import type { EnvironmentSettings } from '#src/accounts/environment-settings.ts'
import type { Endpoint } from './endpoint.ts'

/** An endpoint in the words of the API, under both names where a field has two. Source: webhook-api 4.1, 9.2. */
export function endpointAnswer(endpoint: Endpoint, settings: Pick<EnvironmentSettings, 'timeoutMs'>) {
  return {
    id: endpoint.id,
    url: endpoint.url,
    description: endpoint.description,
    uid: endpoint.uid,
    disabled: endpoint.disabled,
    eventTypes: endpoint.eventTypes,
    filterTypes: endpoint.eventTypes,
    channels: endpoint.channels,
    throttleRate: endpoint.throttleRate,
    rateLimit: endpoint.throttleRate,
    version: 1,
    metadata: endpoint.metadata,
    createdAt: endpoint.createdAt,
    updatedAt: endpoint.updatedAt,
    timeoutMs: endpoint.timeoutMs ?? settings.timeoutMs,
    retrySchedule: endpoint.retrySchedule,
    maxConcurrency: endpoint.maxConcurrency,
    ordering: endpoint.ordering,
    failingSince: endpoint.failingSince,
    signatureCheck: endpoint.signatureCheck,
    disabledReason: endpoint.disabledReason,
  }
}
