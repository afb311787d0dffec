import { bodyBytesDefaultMax, concat } from './body.ts'
import { type HeadersLike, readSignatureHeaders, type SignatureHeaders } from './headers.ts'
import { invalidSecret, parseVerifyingKey, type VerifyingKey } from './keys.ts'
import { VerificationError } from './verification-error.ts'

/** One secret, or several while one is rotated out: `whsec_…`, `whpk_…`. */
export type Secrets = string | readonly string[]

export type ClaimOptions = {
  /** How far the webhook's time may be from `now`, either way; default 300. */
  toleranceSeconds?: number
  /** Bytes of the body that are accepted; default 1 MiB. */
  maxBytes?: number
  /** The moment to judge by; default the current time. */
  now?: Date
}

/** What a webhook says of itself, and the keys to judge it by: everything that is known before its body is read. */
type Claim = SignatureHeaders & { keys: VerifyingKey[]; bodyBytesMax: number }

/** @throws VerificationError `invalid_secret`, `missing_header`, `invalid_header`, `timestamp_out_of_range` */
export function readClaim(headers: HeadersLike, secrets: Secrets, options: ClaimOptions): Claim {
  const { toleranceSeconds = 300, maxBytes = bodyBytesDefaultMax, now = new Date() } = options
  const keys = listOf(secrets).map(parseVerifyingKey)
  const claim = readSignatureHeaders(headers)
  const skewSeconds = Number(claim.timestamp) - Math.floor(now.getTime() / 1000)
  // Written so that a NaN, from an invalid date or tolerance, refuses.
  if (!(Math.abs(skewSeconds) <= toleranceSeconds)) {
    const side = skewSeconds < 0 ? 'behind' : 'ahead of'
    const what = `Its time is ${Math.abs(skewSeconds)} s ${side} the clock here; the tolerance is ${toleranceSeconds} s.`
    throw new VerificationError('timestamp_out_of_range', what)
  }
  return { ...claim, keys, bodyBytesMax: maxBytes }
}

/** @throws VerificationError `invalid_secret` when there is none */
export function listOf(secrets: Secrets): readonly string[] {
  const list = typeof secrets === 'string' ? [secrets] : secrets
  const count = Array.isArray(list) ? list.length : 0
  if (count === 0) throw invalidSecret('No secret was given.')
  return list
}

/** The bytes that are signed: `id.timestamp.body`. */
export function signedContent(id: string, timestamp: number | string, body: Uint8Array): Uint8Array<ArrayBuffer> {
  return concat([new TextEncoder().encode(`${id}.${timestamp}.`), body])
}

/** Compares in constant time: as long for a difference in the first byte as for one in the last. */
export function isAmong(signatures: readonly Uint8Array[], expected: Uint8Array): boolean {
  return signatures.some((signature) => {
    if (signature.length !== expected.length) return false
    let difference = 0
    for (const [i, byte] of signature.entries()) difference |= byte ^ (expected[i] ?? 0)
    return difference === 0
  })
}

export function noMatchingSignature(): VerificationError {
  return new VerificationError('no_matching_signature', 'No signature fits a secret.')
}

// A BOM and bytes that are not UTF-8 are refused, not mended: what is read is what was signed.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @throws VerificationError `invalid_json` */
export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(body))
  } catch {
    throw new VerificationError('invalid_json', 'The body is not JSON.')
  }
}
