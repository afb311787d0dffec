import { RateLimiter } from '#src/accounts/rate-limit.ts'
import type { Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError, notFound } from '#src/domain-error.ts'
import { acceptIn, type NewEvent, type PlannedDelivery } from '#src/events/accept.ts'
import { type Envelope, envelope } from '#src/events/envelope.ts'
import { type EventType, exampleOf, PING_TYPE } from '#src/events/event-type.ts'
import { readEventType, type Sight } from '#src/events/event-type-store.ts'
import { ping, type TestTarget, testEvent } from './test-request.ts'

const EXAMPLES_PER_MINUTE = 10
/** Known to official SDKs, and to no environment. */
const SVIX_PING_TYPE = 'svix.ping'

/**
 * Accepts an example of a type for one endpoint, or one listener, in the caller's transaction.
 * @param index  which of the type's examples
 * @throws DomainError not_found (type), no_example, rate_limited
 */
export async function sendExample(
  tx: Queryable,
  endpoint: TestTarget,
  { type, index, sight }: { type: string; index: number; sight: Sight },
  { clock, ids }: { clock: Clock; ids: IdSource },
): Promise<{ event: NewEvent; planned: PlannedDelivery[] }> {
  const now = clock.now()
  const event = await exampleEvent(tx, endpoint, { type, index, sight }, now, ids)
  // counted in this transaction: a refused or repeated request takes no place
  const window = await new RateLimiter(tx, clock).take(`example ${endpoint.id}`, EXAMPLES_PER_MINUTE)
  if (!window.allowed) {
    throw new DomainError('rate_limited', `At most ${EXAMPLES_PER_MINUTE} examples a minute go to an endpoint.`, {
      retryAfterSeconds: window.resetSeconds,
    })
  }
  return { event, planned: await acceptIn(tx, [event]) }
}

async function exampleEvent(
  tx: Queryable,
  endpoint: TestTarget,
  { type: name, index, sight }: { type: string; index: number; sight: Sight },
  now: Date,
  ids: IdSource,
): Promise<NewEvent> {
  if (name === PING_TYPE) return ping(endpoint, now, ids)
  if (name === SVIX_PING_TYPE) return testEvent(endpoint, name, asItIs('{"success": true}', now, ids))
  const type = await readEventType(tx, endpoint.environment, sight, name)
  if (!type) throw notFound()
  return testEvent(endpoint, name, exampleBody(type, index, now, ids))
}

/** Types the service emits itself get a fresh envelope, as receivers may look at the age of what they get. */
function exampleBody(type: EventType, index: number, now: Date, ids: IdSource): Envelope {
  const example = exampleOf(type.schemas, index)
  if (!example.found) throw new DomainError('no_example', 'This event type has no such example.')
  if (!type.builtIn) return asItIs(example.text, now, ids)
  const { data }: { data: object } = JSON.parse(example.text)
  return envelope(type.name, data, now, ids)
}

function asItIs(text: string, now: Date, ids: IdSource): Envelope {
  const { ksuid, at } = ids.next(now)
  return { id: `msg_${ksuid}`, createdAt: at > now ? at : now, payload: Buffer.from(text) }
}
