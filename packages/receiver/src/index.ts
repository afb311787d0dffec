import { type Body, bytesOf, isRequest, readRequest } from './body.ts'
import {
  type ClaimOptions,
  listOf,
  noMatchingSignature,
  parseJson,
  readClaim,
  type Secrets,
  signedContent,
} from './claim.ts'
import type { WebhookEvent } from './events.ts'
import { type HeadersLike, type SignedHeaders, signedHeaders } from './headers.ts'
import { parseSigningKey } from './keys.ts'
import { parseEvent } from './parse-event.ts'
import { type Refusal, refusalOf } from './verification-error.ts'
import { hasSigned, signatureBy } from './web-crypto.ts'

export type { Body } from './body.ts'
export type { Secrets } from './claim.ts'
export type { EventOf, KnownEvent, UnknownEvent, WebhookEvent } from './events.ts'
export type { HeadersLike, SignedHeaders } from './headers.ts'
export { parseVerifyingKey, type VerifyingKey } from './keys.ts'
export { isKnown, parseEvent } from './parse-event.ts'
export { type Refusal, type VerificationCode, VerificationError } from './verification-error.ts'

export type VerifyOptions = ClaimOptions & {
  /** `whsec_…` or `whpk_…`: one, several, or a function that gives them, asked for every webhook. */
  secrets: Secrets | (() => Secrets | Promise<Secrets>)
}

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
 * Verifies a webhook and returns its parsed JSON body.
 * @param body     the raw bytes received, or the fetch `Request` itself; a re-serialised object does not verify
 * @param headers  `webhook-id`, `webhook-timestamp` (Unix seconds), `webhook-signature` (space-separated, any may match), or
 *                 the same as `svix-…`; in whatever form your framework has them
 * @param options  `secrets`; `toleranceSeconds`: either way, default 300; `maxBytes`: default 1 MiB; `now`
 * @throws VerificationError, see its `code`
 * @see Standard Webhooks 1.0.0, "Verifying signatures" */
export async function verify(body: Body | Request, headers: HeadersLike, options: VerifyOptions): Promise<unknown> {
  const secrets = typeof options.secrets === 'function' ? await options.secrets() : options.secrets
  const { id, timestamp, signatures, keys, bodyBytesMax } = readClaim(headers, secrets, options)
  const bytes = isRequest(body) ? await readRequest(body, bodyBytesMax) : bytesOf(body, bodyBytesMax)
  const content = signedContent(id, timestamp, bytes)
  for (const key of keys) {
    if (await hasSigned(key, content, signatures)) return parseJson(bytes)
  }
  throw noMatchingSignature()
}

/**
 * Verifies a webhook and returns its event.
 * @throws VerificationError as `verify`, and `invalid_event` */
export async function unwrap(
  body: Body | Request,
  headers: HeadersLike,
  options: VerifyOptions,
): Promise<WebhookEvent> {
  return parseEvent(await verify(body, headers, options))
}

/** As `unwrap`, but a refusal is a value. */
export async function check(
  body: Body | Request,
  headers: HeadersLike,
  options: VerifyOptions,
): Promise<{ ok: true; event: WebhookEvent } | Refusal> {
  try {
    return { ok: true, event: await unwrap(body, headers, options) }
  } catch (error) {
    return refusalOf(error)
  }
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
