import { addMs } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { NewEvent } from '#src/events/accept.ts'
import { type Envelope, envelope } from '#src/events/envelope.ts'
import { PING_TYPE } from '#src/events/event-type.ts'
import type { Endpoint } from './endpoint.ts'

/** Marks messages that somebody, or a save, sent to see whether a receiver answers. */
const TEST_TAG = 'webhook.test'

const PAYLOAD_KEPT_MS = 90 * 24 * 3_600_000

/** What a test goes to: an endpoint, or a developer's listener. */
export type TestTarget = Pick<Endpoint, 'id' | 'accountId' | 'environment'>

/** The signed request that says: this is where your events will come from. One attempt, to this endpoint alone. */
export function ping(endpoint: TestTarget, now: Date, ids: IdSource): NewEvent {
  return testEvent(endpoint, PING_TYPE, envelope(PING_TYPE, {}, now, ids))
}

/** An event that goes to one endpoint, outside its filters and also when it is disabled. */
export function testEvent(endpoint: TestTarget, type: string, { id, createdAt, payload }: Envelope): NewEvent {
  return {
    accountId: endpoint.accountId,
    environment: endpoint.environment,
    id,
    createdAt,
    type,
    payload,
    tags: [TEST_TAG],
    payloadExpiresAt: addMs(createdAt, PAYLOAD_KEPT_MS),
    onlyEndpointId: endpoint.id,
    cause: 'test',
  }
}
