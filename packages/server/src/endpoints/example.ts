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
/** They stand in no catalogue. */
const OWN_TYPES: readonly string[] = [PING_TYPE, SVIX_PING_TYPE]

/** A test that somebody sends: an example of a type, or what was written in its place. */
export type Test = {
  type: string
  index: number // of the type's examples
  sight: Sight
  payload?: Buffer | undefined // instead of the example, byte for byte
}

/**
 * Accepts an example of a type for one endpoint, or one listener, in the caller's transaction.
 * @throws DomainError not_found (type), no_example, rate_limited
 */
export async function sendExample(
  tx: Queryable,
  endpoint: TestTarget,
  test: Test,
  { clock, ids }: { clock: Clock; ids: IdSource },
): Promise<{ event: NewEvent; planned: PlannedDelivery[] }> {
  const event = await exampleEvent(tx, endpoint, test, clock.now(), ids)
  await takePlace(tx, endpoint, clock)
  return { event, planned: await acceptIn(tx, [event]) }
}

/** Counted in this transaction: a refused or repeated request takes no place. @throws DomainError rate_limited */
export async function takePlace(tx: Queryable, endpoint: Pick<TestTarget, 'id'>, clock: Clock): Promise<void> {
  const window = await new RateLimiter(tx, clock).take(`example ${endpoint.id}`, EXAMPLES_PER_MINUTE)
  if (window.allowed) return
  throw new DomainError('rate_limited', `At most ${EXAMPLES_PER_MINUTE} tests a minute go to an endpoint.`, {
    retryAfterSeconds: window.resetSeconds,
  })
}

/** @throws DomainError not_found (type), no_example */
export async function exampleEvent(
  tx: Queryable,
  endpoint: TestTarget,
  { type: name, index, sight, payload }: Test,
  now: Date,
  ids: IdSource,
): Promise<NewEvent> {
  const type = OWN_TYPES.includes(name) ? null : await readEventType(tx, endpoint.environment, sight, name)
  if (type === undefined) throw notFound()
  if (payload) return testEvent(endpoint, name, asItIs(payload, now, ids))
  if (type) return testEvent(endpoint, name, exampleBody(type, index, now, ids))
  return name === PING_TYPE
    ? ping(endpoint, now, ids)
    : testEvent(endpoint, name, asItIs(Buffer.from('{"success": true}'), now, ids))
}

/** Types the service emits itself get a fresh envelope, as receivers may look at the age of what they get. */
function exampleBody(type: EventType, index: number, now: Date, ids: IdSource): Envelope {
  const example = exampleOf(type.schemas, index)
  if (!example.found) throw new DomainError('no_example', 'This event type has no such example.')
  if (!type.builtIn) return asItIs(Buffer.from(example.text), now, ids)
  const { data }: { data: object } = JSON.parse(example.text)
  return envelope(type.name, data, now, ids)
}

function asItIs(payload: Buffer, now: Date, ids: IdSource): Envelope {
  const { ksuid, at } = ids.next(now)
  return { id: `msg_${ksuid}`, createdAt: at > now ? at : now, payload }
}
