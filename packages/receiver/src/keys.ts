import { decodeBase64 } from './base64.ts'
import { VerificationError } from './verification-error.ts'

type HmacKey = { version: 'v1'; secret: Uint8Array<ArrayBuffer> }

/** What signs: HMAC-SHA256 makes `v1`, the Ed25519 private key made from `seed` makes `v1a`. */
export type SigningKey =
  | HmacKey
  | { version: 'v1a'; seed: Uint8Array<ArrayBuffer>; publicKey?: Uint8Array<ArrayBuffer> }

/** What verifies: the same HMAC secret, or the Ed25519 public key. */
export type VerifyingKey = HmacKey | { version: 'v1a'; publicKey: Uint8Array<ArrayBuffer> }

/**
 * Reads a secret that signs.
 * @param text  `whsec_` (may be missing) + Base64 of 24 to 64 bytes, or `whsk_` + Base64 of an Ed25519 seed of 32 bytes,
 *              with or without the 32 bytes of its public key behind it
 * @throws VerificationError `invalid_secret`
 * @see Standard Webhooks 1.0.0, "Signature scheme" */
export function parseSigningKey(text: string): SigningKey {
  const { prefix, bytes } = readSecret(text)
  if (prefix === 'whpk_') throw invalidSecret('whpk_… is a public key: it verifies, it cannot sign.')
  if (prefix === 'whsec_') return hmacKey(bytes)
  if (bytes.length !== 32 && bytes.length !== 64) {
    throw invalidSecret(`whsk_… holds 32 or 64 bytes, not ${bytes.length}.`)
  }
  return { version: 'v1a', seed: bytes.slice(0, 32), publicKey: bytes.length === 64 ? bytes.slice(32) : undefined }
}

/**
 * Reads a secret that verifies. Call it when your program starts, to learn of a bad setting before the first webhook.
 * @param text  `whsec_` (may be missing) + Base64 of 24 to 64 bytes, or `whpk_` + Base64 of an Ed25519 public key
 * @throws VerificationError `invalid_secret` */
export function parseVerifyingKey(text: string): VerifyingKey {
  const { prefix, bytes } = readSecret(text)
  if (prefix === 'whsk_') throw invalidSecret('whsk_… is a private key: it stays with the sender.')
  if (prefix === 'whsec_') return hmacKey(bytes)
  if (bytes.length !== 32) throw invalidSecret(`whpk_… holds 32 bytes, not ${bytes.length}.`)
  return { version: 'v1a', publicKey: bytes }
}

// RFC 8410: the fixed beginning of an Ed25519 private key in PKCS #8; the seed follows.
const pkcs8Prefix = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20]

/** The form in which both Web Crypto and Node take an Ed25519 private key. */
export function pkcs8Of(seed: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array([...pkcs8Prefix, ...seed])
}

export function invalidSecret(whatHappened: string): VerificationError {
  return new VerificationError('invalid_secret', whatHappened)
}

function hmacKey(secret: Uint8Array<ArrayBuffer>): HmacKey {
  if (secret.length < 24 || secret.length > 64) {
    throw invalidSecret(`A whsec_… secret holds 24 to 64 bytes, not ${secret.length}.`)
  }
  return { version: 'v1', secret }
}

function readSecret(text: unknown): { prefix: string; bytes: Uint8Array<ArrayBuffer> } {
  if (typeof text !== 'string' || text === '') throw invalidSecret('No secret was given.')
  const prefix = /^wh(?:sec|sk|pk)_/.exec(text)?.[0]
  const bytes = decodeBase64(text.slice(prefix?.length))
  if (!bytes) throw invalidSecret('The secret is not Base64.')
  return { prefix: prefix ?? 'whsec_', bytes }
}
