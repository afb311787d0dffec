import { randomBytes } from 'node:crypto'
import { encodeBase64 } from './base64.ts'
import { type Body, bytesOf, concat } from './body.ts'
import { type ClaimOptions, listOf, noMatchingSignature, parseJson, readClaim, type Secrets } from './claim.ts'
import type { WebhookEvent } from './events.ts'
import { type HeadersLike, type SignedHeaders, signedHeaders } from './headers.ts'
import type { Message } from './index.ts'
import { invalidSecret, parseSigningKey } from './keys.ts'
import { hasSigned, publicKeyOf, signerBy } from './node-crypto.ts'
import { parseEvent } from './parse-event.ts'
import { type Refusal, refusalOf } from './verification-error.ts'

export type { EventOf, KnownEvent, UnknownEvent } from './events.ts'
export { parseVerifyingKey, type VerifyingKey } from './keys.ts'
export { isKnown, parseEvent } from './parse-event.ts'
export { type VerificationCode, VerificationError } from './verification-error.ts'
export type { Body, HeadersLike, Message, Refusal, Secrets, SignedHeaders, WebhookEvent }

export type VerifyOptions = ClaimOptions & {
  /** `whsec_…` or `whpk_…`: one, several, or a function that gives them, asked for every webhook. */
  secrets: Secrets | (() => Secrets)
}

/** A secret that signs, as it is stored: `whsec_…` or `whsk_…`, made or accepted by this module. */
export type SigningSecret = string & { readonly [signingSecret]: true }
declare const signingSecret: unique symbol

/** Gives the value of `webhook-signature` for one attempt; `timestamp` in Unix seconds. */
export type Signer = (id: string, timestamp: number, body: Uint8Array) => string

/**
 * As `verify` of the core, but synchronous: give it bytes, not a `Request`.
 * @throws VerificationError, see its `code` */
export function verify(body: Body, headers: HeadersLike, options: VerifyOptions): unknown {
  const secrets = typeof options.secrets === 'function' ? options.secrets() : options.secrets
  const { id, timestamp, signatures, keys, bodyBytesMax } = readClaim(headers, secrets, options)
  const bytes = bytesOf(body, bodyBytesMax)
  const prefix = `${id}.${timestamp}.`
  if (keys.some((key) => hasSigned(key, prefix, bytes, signatures))) return parseJson(bytes)
  throw noMatchingSignature()
}

/**
 * Verifies a webhook and returns its event.
 * @throws VerificationError as `verify`, and `invalid_event` */
export function unwrap(body: Body, headers: HeadersLike, options: VerifyOptions): WebhookEvent {
  return parseEvent(verify(body, headers, options))
}

/** As `unwrap`, but a refusal is a value. */
export function check(
  body: Body,
  headers: HeadersLike,
  options: VerifyOptions,
): { ok: true; event: WebhookEvent } | Refusal {
  try {
    return { ok: true, event: unwrap(body, headers, options) }
  } catch (error) {
    return refusalOf(error)
  }
}

/**
 * Signs a webhook: gives the headers to send with `body`, to the byte.
 * @throws VerificationError `invalid_secret`, `invalid_header`, `body_not_bytes` */
export function sign({ id, timestamp, body, secrets }: Message): SignedHeaders {
  const bytes = bytesOf(body, Number.POSITIVE_INFINITY)
  return signedHeaders(id, timestamp, [createSigner(listOf(secrets))(id, timestamp, bytes)])
}

/**
 * Prepares the keys of an endpoint once, so that signing an attempt costs little more than its HMAC.
 * @param secrets  current first; each makes one signature, in this order
 * @throws VerificationError `invalid_secret` */
export function createSigner(secrets: readonly string[]): Signer {
  const signers = listOf(secrets).map((secret) => signerBy(parseSigningKey(secret)))
  return (id, timestamp, body) => {
    const prefix = `${id}.${timestamp}.`
    return signers.map((signer) => signer(prefix, body)).join(' ')
  }
}

/** A new HMAC secret: `whsec_` + 32 random bytes. */
export function generateSecret(): SigningSecret {
  return parseSigningSecret(`whsec_${randomBytes(32).toString('base64')}`)
}

/** A new Ed25519 private key: `whsk_` + its seed and its public key, 64 bytes. */
export function generateEd25519Secret(): SigningSecret {
  return parseSigningSecret(`whsk_${randomBytes(32).toString('base64')}`)
}

/**
 * Reads a secret that signs, and writes it the one way it is stored: with its prefix, and `whsk_` with its public key.
 * @param text  `whsec_` (may be missing) + Base64 of 24 to 64 bytes, or `whsk_` + Base64 of an Ed25519 seed of 32 bytes,
 *              with or without the 32 bytes of its public key behind it
 * @throws VerificationError `invalid_secret` */
export function parseSigningSecret(text: string): SigningSecret {
  const key = parseSigningKey(text)
  if (key.version === 'v1') return `whsec_${encodeBase64(key.secret)}` as SigningSecret
  const publicKey = publicKeyOf(key.seed)
  if (key.publicKey && !publicKey.equals(key.publicKey))
    throw invalidSecret('The halves of this whsk_… do not belong together.')
  return `whsk_${encodeBase64(concat([key.seed, publicKey]))}` as SigningSecret
}

/** What the endpoint's owner is shown, to verify with: `whpk_…` of a `whsk_…`; a `whsec_…` is the same on both sides. */
export function verifyingSecretOf(secret: SigningSecret): string {
  const key = parseSigningKey(secret)
  return key.version === 'v1' ? secret : `whpk_${encodeBase64(publicKeyOf(key.seed))}`
}
