import type { Environment } from './principal.ts'

const UID = /^[a-zA-Z0-9\-_.]{1,256}$/
const ID_PREFIX = 'app_'
const NAME_MAX = 256
const METADATA_BYTES_MAX = 4_096
const THROTTLE_RATE_MAX = 65_535
const FORBIDDEN_KEYS = ['__proto__', 'constructor', 'prototype']
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/

/** How many NPNs a new account may monitor. Source: producersync-api 1. */
export const populationMaxOf: Readonly<Record<Environment, number>> = { sandbox: 10_000, production: 1_000_000 }

/** A name an account may be given beside its id; never one that could be an id. Source: webhook-api 3. */
export function isUid(text: string): boolean {
  return UID.test(text) && !text.startsWith(ID_PREFIX)
}

/** What is wrong with a value, in words; undefined when nothing is. */
export type Fault = string | undefined

export function uidFault(uid: string): Fault {
  if (!UID.test(uid)) return 'must be 1 to 256 characters of a-z A-Z 0-9 - _ .'
  return uid.startsWith(ID_PREFIX) ? `must not start with ${ID_PREFIX}` : undefined
}

export function nameFault(name: string): Fault {
  if (name.length === 0) return 'must not be empty'
  if (name.length > NAME_MAX) return `must be at most ${NAME_MAX} characters`
  return CONTROL.test(name) || !name.isWellFormed()
    ? 'must hold no control characters and no lone surrogates'
    : undefined
}

export function throttleRateFault(rate: number): Fault {
  const allowed = Number.isInteger(rate) && rate >= 1 && rate <= THROTTLE_RATE_MAX
  return allowed ? undefined : `must be an integer from 1 to ${THROTTLE_RATE_MAX}`
}

export function metadataFault(metadata: Record<string, string>): Fault {
  const forbidden = FORBIDDEN_KEYS.find((key) => Object.hasOwn(metadata, key))
  if (forbidden) return `must not have the key ${forbidden}`
  const text = JSON.stringify(metadata)
  if (Buffer.byteLength(text) > METADATA_BYTES_MAX) return `must be at most ${METADATA_BYTES_MAX} bytes as JSON`
  // PostgreSQL keeps neither NUL nor half a surrogate pair in JSON
  const storable = Object.entries(metadata).every((pair) =>
    pair.every((part) => part.isWellFormed() && !part.includes('\u0000')),
  )
  return storable ? undefined : 'must hold no NUL characters and no lone surrogates'
}
