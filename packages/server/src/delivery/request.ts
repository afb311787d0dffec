import type { Signer } from '@producersync/webhooks/node'
import type { Headers } from '#src/endpoints/headers.ts'
import { VERSION } from '#src/version.ts'
import type { Cause, Delivery } from './delivery.ts'

export type { Signer } from '@producersync/webhooks/node'

const USER_AGENT = `ProducerSync-Webhooks/${VERSION}`

/**
 * The headers of one attempt: the endpoint's own, and both families of signature headers with equal values.
 * Id and body are the same on every attempt; timestamp and signature are of this one.
 * @param own        names and values as the account gave them; none of them can be one of ours (`endpoints/headers.ts`)
 * @param startedAt  becomes `webhook-timestamp`, in Unix seconds
 * @returns names and values in turn
 * @see Standard Webhooks 1.0.0, "Webhook headers"
 */
export function requestHeaders(
  delivery: Pick<Delivery, 'eventId' | 'cause' | 'contentType'> & { payload: Buffer },
  own: Headers,
  signer: Signer,
  startedAt: Date,
): string[] {
  const timestamp = String(Math.floor(startedAt.getTime() / 1000))
  const signature = signer(delivery.eventId, Number(timestamp), delivery.payload)
  const headers: string[] = ['content-type', delivery.contentType ?? 'application/json', 'user-agent', USER_AGENT]
  for (const family of ['webhook', 'svix']) {
    headers.push(`${family}-id`, delivery.eventId, `${family}-timestamp`, timestamp, `${family}-signature`, signature)
  }
  const trigger = triggerOf(delivery.cause)
  if (trigger) headers.push('webhook-trigger', trigger)
  for (const [name, value] of own) headers.push(name, value)
  return headers
}

/** An unsigned hint for receivers: whether the request is a test or repeats what they may have had. */
function triggerOf(cause: Cause): 'test' | 'replay' | undefined {
  if (cause === 'event') return undefined
  return cause === 'test' ? 'test' : 'replay'
}
