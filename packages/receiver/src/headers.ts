import { decodeBase64 } from './base64.ts'
import { VerificationError } from './verification-error.ts'

type HeaderValue = string | readonly string[] | undefined

/** Headers as frameworks hand them over: `Headers`, a `Map`, pairs, an object in any letter case, or Node's `rawHeaders`. */
export type HeadersLike =
  | Iterable<readonly [string, HeaderValue]>
  | Readonly<Record<string, HeaderValue>>
  | readonly string[]

/** The three headers of a webhook. `timestamp` stays the text that was signed: Unix seconds of the attempt. */
export type SignatureHeaders = { id: string; timestamp: string; signatures: Signatures }

/** The signatures a webhook came with, by version: `v1` is HMAC-SHA256, `v1a` is Ed25519. */
export type Signatures = { v1: Uint8Array<ArrayBuffer>[]; v1a: Uint8Array<ArrayBuffer>[] }

/** The headers to send with a webhook. */
export type SignedHeaders = { 'webhook-id': string; 'webhook-timestamp': string; 'webhook-signature': string }

const signaturesMax = 32
const forms = {
  id: /^[!-+\-/-~]+$/, // no dot: it separates what is signed; no comma or blank: two ids in one header
  timestamp: /^[0-9]{1,15}$/,
  signature: /^(?!.*, )/, // ", " is how two headers of one name are joined
}
type Part = keyof typeof forms
const parts: readonly Part[] = ['id', 'timestamp', 'signature']

/**
 * Reads `webhook-id`, `webhook-timestamp` and `webhook-signature`, or else all three of `svix-…`; never some of each.
 * @throws VerificationError `missing_header`, `invalid_header` */
export function readSignatureHeaders(headers: HeadersLike): SignatureHeaders {
  const values = collectValues(headers)
  const family = ['webhook', 'svix'].find((name) => parts.every((part) => values.has(`${name}-${part}`)))
  if (!family) {
    const missing = parts.map((part) => `webhook-${part}`).filter((name) => !values.has(name))
    throw new VerificationError('missing_header', `Missing: ${missing.join(', ')}.`)
  }
  const read = (part: Part): string => {
    const name = `${family}-${part}`
    const [value, ...repeats] = values.get(name) ?? []
    if (repeats.length > 0) throw new VerificationError('invalid_header', `${name} is repeated.`)
    return parsePart(name, part, value)
  }
  return { id: read('id'), timestamp: read('timestamp'), signatures: parseSignatures(read('signature')) }
}

/** @throws VerificationError `invalid_header` for an id or a time that no receiver would accept */
export function signedHeaders(id: string, timestamp: number, signatures: readonly string[]): SignedHeaders {
  return {
    'webhook-id': parsePart('webhook-id', 'id', id),
    'webhook-timestamp': parsePart('webhook-timestamp', 'timestamp', String(timestamp)),
    'webhook-signature': signatures.join(' '),
  }
}

function parsePart(name: string, part: Part, value: unknown): string {
  if (typeof value === 'string' && forms[part].test(value)) return value
  throw new VerificationError('invalid_header', `${name} is malformed.`)
}

// Other versions are passed over: a sender may add one.
function parseSignatures(header: string): Signatures {
  const signatures: Signatures = { v1: [], v1a: [] }
  for (const entry of header.split(' ', signaturesMax)) {
    const comma = entry.indexOf(',')
    const version = entry.slice(0, comma)
    const bytes = decodeBase64(entry.slice(comma + 1))
    if (bytes && (version === 'v1' || version === 'v1a')) signatures[version].push(bytes)
  }
  return signatures
}

// Present values by lower-case name; an empty one counts as absent.
function collectValues(headers: HeadersLike): Map<string, unknown[]> {
  const values = new Map<string, unknown[]>()
  for (const [name, value] of pairsOf(headers)) {
    const present = [value].flat().filter((one) => one !== undefined && one !== null && one !== '')
    if (present.length === 0) continue
    const key = String(name).toLowerCase()
    values.set(key, [...(values.get(key) ?? []), ...present])
  }
  return values
}

function pairsOf(headers: HeadersLike): Iterable<readonly [unknown, unknown]> {
  if (isFlat(headers)) return headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1]] as const] : []))
  return isIterable(headers) ? headers : Object.entries(headers ?? {})
}

function isFlat(headers: HeadersLike): headers is readonly string[] {
  return Array.isArray(headers) && typeof headers[0] === 'string'
}

function isIterable(headers: HeadersLike): headers is Iterable<readonly [string, HeaderValue]> {
  return typeof headers === 'object' && headers !== null && Symbol.iterator in headers
}
