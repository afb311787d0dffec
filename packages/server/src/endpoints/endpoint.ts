import type { Environment } from '#src/accounts/principal.ts'
import { isId } from '#src/adapters/ids.ts'

export type Ordering = 'none' | 'fifo'

/** Why an endpoint gets nothing: somebody said so, it failed for days, it answered 410, or its receiver asked. */
export type DisabledReason = 'manual' | 'failures' | 'gone' | 'receiver_request'

/** How a receiver takes signatures. Source: portal 6, S10.5. */
export const SIGNATURE_VERDICTS = [
  'verifies',
  'takes_old_requests',
  'refuses_by_crashing',
  'accepts_unsigned',
  'refuses_valid',
  'could_not_check',
] as const
export type SignatureVerdict = (typeof SIGNATURE_VERDICTS)[number]

/** What the owner of an endpoint decides. */
export type EndpointSettings = {
  url: string // in canonical form
  description: string
  uid: string | null
  disabled: boolean
  eventTypes: string[] | null // names of types and groups; null: all but opt-in types
  channels: string[] | null // null: all
  throttleRate: number | null // requests started per second; null: the account's
  metadata: Record<string, string>
  timeoutMs: number | null // null: the environment's
  retrySchedule: number[] | null // waits in seconds; null: the environment's
  maxConcurrency: number | null // null: the environment's
  ordering: Ordering
}

/** Where an account wants its events. */
export type Endpoint = EndpointSettings & {
  id: string
  accountId: string
  environment: Environment
  shard: number
  disabledReason: DisabledReason | null
  failingSince: Date | null
  /** What the latest signature check said, while it is of this URL and secret. */
  signatureCheck: { verdict: SignatureVerdict; checkedAt: Date } | null
  createdAt: Date
  updatedAt: Date
}

export const ENDPOINT_ID_PREFIX = 'ep_'

/** How a path or a filter names an endpoint; null for a text that can name none. */
export type EndpointName = { id: string } | { uid: string }

const UID = /^[a-zA-Z0-9\-_.]{1,256}$/

export function parseEndpointName(text: string): EndpointName | null {
  if (text.startsWith(ENDPOINT_ID_PREFIX)) return isId(text, ENDPOINT_ID_PREFIX) ? { id: text } : null
  return UID.test(text) ? { uid: text } : null
}
