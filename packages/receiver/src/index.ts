import { type Body, bytesOf } from './body.ts'
import { listOf, type Secrets, signedContent } from './claim.ts'
import { type SignedHeaders, signedHeaders } from './headers.ts'
import { parseSigningKey } from './keys.ts'
import { signatureBy } from './web-crypto.ts'

export type { Body } from './body.ts'
export type { Secrets } from './claim.ts'
export type { EventOf, KnownEvent, UnknownEvent, WebhookEvent } from './events.ts'
export type { HeadersLike, SignedHeaders } from './headers.ts'
export { parseVerifyingKey, type VerifyingKey } from './keys.ts'
export { isKnown, parseEvent } from './parse-event.ts'
export {
  createReceiver,
  type DedupeStore,
  type Handlers,
  type ReceiverOptions,
  type Trouble,
} from './receiver.ts'
export { type Refusal, type VerificationCode, VerificationError } from './verification-error.ts'
export { check, unwrap, type VerifyOptions, verify } from './verify.ts'

export type Message = {
  /** Letters, digits and the like, without a dot; the same on every attempt. */
  id: string
  /** Unix seconds of the attempt. */
  timestamp: number
  body: Body
  /** `whsec_…`, `whsk_…`: each makes one signature, in this order. */
  secrets: Secrets
}

/**
 * Signs a webhook: gives the headers to send with `body`, to the byte.
 * @throws VerificationError `invalid_secret`, `invalid_header`, `body_not_bytes`
 * @see Standard Webhooks 1.0.0, "Signature scheme" */
export async function sign({ id, timestamp, body, secrets }: Message): Promise<SignedHeaders> {
  const content = signedContent(id, timestamp, bytesOf(body, Number.POSITIVE_INFINITY))
  const keys = listOf(secrets).map(parseSigningKey)
  return signedHeaders(id, timestamp, await Promise.all(keys.map((key) => signatureBy(key, content))))
}
