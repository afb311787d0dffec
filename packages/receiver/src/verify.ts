import { type Body, bytesOf, isRequest, readRequest } from './body.ts'
import { type ClaimOptions, noMatchingSignature, parseJson, readClaim, type Secrets, signedContent } from './claim.ts'
import type { WebhookEvent } from './events.ts'
import type { HeadersLike } from './headers.ts'
import { parseEvent } from './parse-event.ts'
import { type Refusal, refusalOf } from './verification-error.ts'
import { hasSigned } from './web-crypto.ts'

export type VerifyOptions = ClaimOptions & {
  /** `whsec_…` or `whpk_…`: one, several, or a function that gives them, asked for every webhook. */
  secrets: Secrets | (() => Secrets | Promise<Secrets>)
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
  const read = (bytesMax: number) => (isRequest(body) ? readRequest(body, bytesMax) : bytesOf(body, bytesMax))
  return await verifyUnread(read, headers, options)
}

/** Reads a body of at most `bytesMax` bytes. @throws VerificationError `body_not_bytes`, `body_too_large` */
export type ReadBody = (bytesMax: number) => Uint8Array | Promise<Uint8Array>

/** As `verify`, for a body that is only read when the headers are worth it. */
export async function verifyUnread(read: ReadBody, headers: HeadersLike, options: VerifyOptions): Promise<unknown> {
  const secrets = typeof options.secrets === 'function' ? await options.secrets() : options.secrets
  const { id, timestamp, signatures, keys, bodyBytesMax } = readClaim(headers, secrets, options)
  const bytes = await read(bodyBytesMax)
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
