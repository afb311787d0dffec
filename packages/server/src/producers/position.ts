import { createHash } from 'node:crypto'
import { DomainError } from '#src/domain-error.ts'
import { type Filters, filterPairs } from './filters.ts'

/** The record behind which a list goes on. Lists are ordered by NPN, then by id; neither ever changes. */
export type Position = { npn: number; id: number }

/** The token that stands for the start of a list, and in `next` for its end. */
export const START = '0'

const VERSION = 1
const NPN_AT = 1
const ID_AT = 6
const CHECKSUM_AT = 13
const BYTES = 19
const TWO_32 = 2 ** 32
const TOKEN = /^[\w-]{26}$/

/**
 * The token of a list that goes on behind a record: 26 characters that also hold a checksum of path and filters, so that it
 * continues no other list. It needs nothing stored and never expires. Source: producersync-api 4.
 */
export function toToken({ npn, id }: Position, list: { path: string; filters: Filters }): string {
  const bytes = Buffer.alloc(BYTES)
  bytes[0] = VERSION
  bytes.writeUIntBE(npn, NPN_AT, 5)
  bytes.writeUIntBE(Math.floor(id / TWO_32), ID_AT, 3)
  bytes.writeUInt32BE(id % TWO_32, ID_AT + 3)
  checksumOf(list).copy(bytes, CHECKSUM_AT)
  return bytes.toString('base64url')
}

/**
 * @returns where the list goes on; undefined: at its start
 * @throws DomainError unreadable_query for what is no token, or one of another path or with other filters
 */
export function parseToken(token: string, list: { path: string; filters: Filters }): Position | undefined {
  if (token === START) return undefined
  const bytes = Buffer.from(TOKEN.test(token) ? token : '', 'base64url')
  if (bytes.length !== BYTES || bytes[0] !== VERSION || bytes.toString('base64url') !== token) {
    throw refused('is none that a list has answered with')
  }
  if (!bytes.subarray(CHECKSUM_AT).equals(checksumOf(list))) {
    throw refused('belongs to another path or to other filters')
  }
  const id = bytes.readUIntBE(ID_AT, 3) * TWO_32 + bytes.readUInt32BE(ID_AT + 3)
  return { npn: bytes.readUIntBE(NPN_AT, 5), id }
}

/** The same for filters that let the same records through: the order of names and values does not count. */
function checksumOf({ path, filters }: { path: string; filters: Filters }): Buffer {
  const { includeDeleted = true, ...given } = filters
  const pairs = filterPairs({ ...given, includeDeleted }).map(([name, value]) => [
    name,
    [...new Set(value.split(','))].sort().join(','),
  ])
  const text = JSON.stringify([path, ...pairs.sort(([a = ''], [b = '']) => (a < b ? -1 : 1))])
  return createHash('sha256')
    .update(text)
    .digest()
    .subarray(0, BYTES - CHECKSUM_AT)
}

function refused(what: string): DomainError {
  return new DomainError('unreadable_query', `continuationToken: ${what}`)
}
