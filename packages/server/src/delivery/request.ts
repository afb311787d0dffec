import type { Signer } from '@producersync/webhooks/node'
import type { Headers } from '#src/endpoints/headers.ts'
import { VERSION } from '#src/version.ts'
import type { Cause, Delivery } from './delivery.ts'

export type { Signer } from '@producersync/webhooks/node'

const FAMILIES = ['webhook', 'svix'] as const
const USER_AGENT = `ProducerSync-Webhooks/${VERSION}`

/**
 * The headers of one attempt: the endpoint's own, and both families of signature headers with equal values.
 * Id and body are the same on every attempt; timestamp and signature are of this one.
 * @param own        names and values as the account gave them; none of them can be one of ours (`endpoints/headers.ts`)
 * @param signedAt  becomes `webhook-timestamp`, in Unix seconds
 * @returns names and values in turn
 * @see Standard Webhooks 1.0.0, "Webhook headers"
 */
export function requestHeaders(
  delivery: Pick<Delivery, 'eventId' | 'cause' | 'contentType'> & { payload: Buffer },
  own: Headers,
  signer: Signer,
  signedAt: Date,
): string[] {
  const timestamp = secondsOf(signedAt)
  const signature = signer(delivery.eventId, Number(timestamp), delivery.payload)
  const headers: string[] = ['content-type', delivery.contentType ?? 'application/json', 'user-agent', USER_AGENT]
  for (const family of FAMILIES) {
    headers.push(`${family}-id`, delivery.eventId, `${family}-timestamp`, timestamp, `${family}-signature`, signature)
  }
  const trigger = triggerOf(delivery.cause)
  if (trigger) headers.push('webhook-trigger', trigger)
  for (const [name, value] of own) headers.push(name, value)
  return headers
}

/** The headers that say when an attempt was signed. */
export function timestampHeaders(signedAt: Date): [string, string][] {
  return FAMILIES.map((family) => [`${family}-timestamp`, secondsOf(signedAt)])
}

function secondsOf(moment: Date): string {
  return String(Math.floor(moment.getTime() / 1000))
}

/** An unsigned hint for receivers: whether the request is a test or repeats what they may have had. */
function triggerOf(cause: Cause): 'test' | 'replay' | undefined {
  if (cause === 'event') return undefined
  return cause === 'test' ? 'test' : 'replay'
}
