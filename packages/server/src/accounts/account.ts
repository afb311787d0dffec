import type { Environment } from './principal.ts'

/** Names an account may be given beside its id; never one that could be an id. Source: webhook-api 3. */
export const UID = /^(?!app_)[a-zA-Z0-9\-_.]{1,256}$/
const METADATA_BYTES_MAX = 4_096
const FORBIDDEN_KEYS = ['__proto__', 'constructor', 'prototype']

/** How many NPNs a new account may monitor. Source: producersync-api 1. */
export const populationMaxOf: Readonly<Record<Environment, number>> = { sandbox: 10_000, production: 1_000_000 }

export function isUid(text: string): boolean {
  return UID.test(text)
}

/** What is wrong with the metadata of an account or endpoint, in words; undefined when nothing is. */
export function metadataFault(metadata: Record<string, string>): string | undefined {
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
