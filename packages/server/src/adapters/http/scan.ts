import { isUtf8 } from 'node:buffer'
import { type DomainError, invalidInput } from '#src/domain-error.ts'

export type JsonLimits = {
  /** Containers inside each other, the outermost counted. */
  depthMax: number
  /** Keys of all objects together. */
  keysMax: number
  keyBytesMax: number
  /** UTF-8 bytes of a string once its escapes are resolved. */
  stringBytesMax: number
  /** Paths of strings that only the size of the body bounds, e.g. `transformationsParams.rawPayload`. */
  longStrings: readonly string[]
  /** The top-level member whose array elements are reported in `items`. */
  itemsOf: string | null
}

/** Source: webhook-api 1. */
export const JSON_LIMITS: JsonLimits = {
  depthMax: 64,
  keysMax: 10_000,
  keyBytesMax: 256,
  stringBytesMax: 65_536,
  longStrings: [],
  itemsOf: null,
}

/** Where a value stands: bytes `start` to `end` (exclusive), without the blanks around it. */
export type JsonRange = { start: number; end: number }
/** A member of the outermost object; `keys` counts the keys inside its value. */
export type JsonMember = JsonRange & { name: string; keys: number }

/** A text that `JSON.parse` takes, within limits, and where its parts stand in `bytes`. */
export type ScannedJson = {
  bytes: Buffer
  root: 'object' | 'array' | 'scalar'
  /** Members of the outermost object, in order; their names differ. */
  members: readonly JsonMember[]
  /** Elements of the array named by `itemsOf`. */
  items: readonly JsonRange[]
}

/** What an empty body counts as. */
export const EMPTY_JSON: ScannedJson = { bytes: Buffer.from('{}'), root: 'object', members: [], items: [] }

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const MINUS = 0x2d
const PLUS = 0x2b
const POINT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const SMALL_U = 0x75

const TRUE = Buffer.from('true')
const FALSE = Buffer.from('false')
const NULL = Buffer.from('null')

/** 1: stands for itself inside a string. */
const PLAIN = new Uint8Array(256).fill(1, 0x20)
PLAIN[QUOTE] = 0
PLAIN[BACKSLASH] = 0
/** 1: may follow a backslash, `u` apart. */
const ESCAPED = new Uint8Array(256)
for (const byte of Buffer.from('"\\/bfnrt')) ESCAPED[byte] = 1
const HEX = new Uint8Array(256)
for (const byte of Buffer.from('0123456789abcdefABCDEF')) HEX[byte] = 1

/** Names compared one by one up to this many, by a set beyond. */
const FEW_MEMBERS = 16
const NESTING_MAX = 255

// One scan runs at a time and leaves nothing behind in these.
const containers = new Uint8Array(NESTING_MAX + 1)
const keyStarts = new Int32Array(NESTING_MAX + 1)
const keyEnds = new Int32Array(NESTING_MAX + 1)

/**
 * Reads a JSON text in one pass, without recursion, and checks that it is UTF-8 without byte order mark, strict JSON
 * (RFC 8259), within `limits`, and names no member of its outermost object twice. Further in, duplicate keys are left
 * alone: a payload keeps its bytes.
 * @throws DomainError invalid_input at `['body']`, or at `['body', name]` for a member named twice
 */
export function scanJson(bytes: Buffer, limits: JsonLimits = JSON_LIMITS): ScannedJson {
  if (!isUtf8(bytes)) throw malformed('it is not UTF-8')
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) throw malformed('it begins with a byte order mark')
  const { depthMax, keysMax, keyBytesMax, stringBytesMax, itemsOf } = limits
  if (depthMax > NESTING_MAX) throw new RangeError('depthMax is too large')

  const members: JsonMember[] = []
  const items: JsonRange[] = []
  let names: Set<string> | undefined
  let name = ''
  let memberStart = 0
  let memberKeys = 0
  let itemStart = 0
  let depth = 0
  let keys = 0
  let at = skipBlanks(bytes, 0)
  const root = bytes[at] === OPEN_OBJECT ? 'object' : bytes[at] === OPEN_ARRAY ? 'array' : 'scalar'

  for (;;) {
    // here stands a value; `keyFollows` when it turns out to be an object that is not empty
    let keyFollows = false
    if (depth === 1) memberStart = at
    else if (depth === 2) itemStart = at
    const byte = bytes[at] ?? 0
    if (byte === QUOTE) {
      const end = endOfString(bytes, at + 1)
      if (end - at - 1 > stringBytesMax) checkLongString(bytes, at + 1, end, depth, limits)
      at = end + 1
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      depth += 1
      if (depth > depthMax) throw beyondLimit('too_deep', `is nested deeper than ${depthMax} levels`)
      containers[depth] = byte
      at = skipBlanks(bytes, at + 1)
      if (bytes[at] === (byte === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY)) {
        depth -= 1
        at += 1
      } else if (byte === OPEN_ARRAY) {
        continue
      } else {
        keyFollows = true
      }
    } else {
      at = endOfScalar(bytes, at)
    }

    // a value ended: close what ends with it, up to the next key or value
    while (!keyFollows) {
      if (depth === 0) {
        at = skipBlanks(bytes, at)
        if (at < bytes.length) throw malformed(`something follows its end at byte ${at}`)
        return { bytes, root, members, items }
      }
      const inObject = containers[depth] === OPEN_OBJECT
      if (depth === 1 && inObject) members.push({ name, start: memberStart, end: at, keys: keys - memberKeys })
      else if (depth === 2 && !inObject && root === 'object' && name === itemsOf)
        items.push({ start: itemStart, end: at })
      let next = bytes[at] ?? 0
      if (next <= 0x20) {
        at = skipBlanks(bytes, at)
        next = bytes[at] ?? 0
      }
      if (next === COMMA) {
        at += 1
        if ((bytes[at] ?? 0) <= 0x20) at = skipBlanks(bytes, at)
        if (!inObject) break
        keyFollows = true
      } else if (next === (inObject ? CLOSE_OBJECT : CLOSE_ARRAY)) {
        depth -= 1
        at += 1
      } else {
        throw unexpected(bytes, at)
      }
    }

    if (keyFollows) {
      if (bytes[at] !== QUOTE) throw unexpected(bytes, at)
      const start = at + 1
      const end = endOfString(bytes, start)
      keys += 1
      if (keys > keysMax) throw beyondLimit('too_many_keys', `has more than ${keysMax} keys`)
      if (end - start > keyBytesMax && decodedBytes(bytes, start, end) > keyBytesMax) {
        throw beyondLimit('key_too_long', `has a key longer than ${keyBytesMax} bytes`)
      }
      keyStarts[depth] = start
      keyEnds[depth] = end
      if (depth === 1) {
        name = nameAt(bytes, start, end)
        memberKeys = keys
        if (members.length < FEW_MEMBERS) {
          for (const member of members) if (member.name === name) throw namedTwice(name)
        } else {
          names ??= new Set(members.map((member) => member.name))
          if (names.has(name)) throw namedTwice(name)
          names.add(name)
        }
      }
      at = end + 1
      if ((bytes[at] ?? 0) <= 0x20) at = skipBlanks(bytes, at)
      if (bytes[at] !== COLON) throw unexpected(bytes, at)
      at += 1
      if ((bytes[at] ?? 0) <= 0x20) at = skipBlanks(bytes, at)
    }
  }
}

/** The member of this name, if the text is an object that has one. */
export function memberOf(scanned: ScannedJson, name: string): JsonMember | undefined {
  for (const member of scanned.members) if (member.name === name) return member
  return undefined
}

/** The bytes of a range as they were received (a view, not a copy). */
export function bytesOf(scanned: ScannedJson, range: JsonRange): Buffer {
  return scanned.bytes.subarray(range.start, range.end)
}

/** The whole text, parsed. Of equal keys further in, the last one is taken. */
export function parseWhole(scanned: ScannedJson): unknown {
  return JSON.parse(scanned.bytes.toString('utf8'))
}

/**
 * The members of the outermost object, parsed; with `wanted`, only those of these names. The rest is not even looked at.
 * @returns an object without prototype
 * @throws DomainError invalid_input at a member that holds the same key twice
 */
export function parseMembers(scanned: ScannedJson, wanted?: ReadonlySet<string>): Record<string, unknown> {
  const values: Record<string, unknown> = { __proto__: null }
  for (const member of scanned.members) {
    if (wanted !== undefined && !wanted.has(member.name)) continue
    const value = parseMember(scanned, member)
    // JSON.parse keeps one of several equal keys, so fewer are left than were read
    if (member.keys > 0 && countKeys(value) !== member.keys) {
      throw invalidInput({
        loc: ['body', member.name],
        msg: 'holds the same key twice',
        type: 'value_error.duplicate_key',
      })
    }
    values[member.name] = value
  }
  return values
}

/** One member, parsed. */
export function parseMember(scanned: ScannedJson, member: JsonMember): unknown {
  return JSON.parse(scanned.bytes.toString('utf8', member.start, member.end))
}

/** Where blanks are rare the caller looks first: a call costs more than the byte. */
function skipBlanks(bytes: Buffer, from: number): number {
  let at = from
  for (;;) {
    const byte = bytes[at] ?? 0
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at
    at += 1
  }
}

/** @param from the first byte after the opening quote · @returns where the closing quote stands */
function endOfString(bytes: Buffer, from: number): number {
  const { length } = bytes
  let at = from
  while (at < length) {
    const byte = bytes[at] ?? 0
    if (PLAIN[byte] === 1) {
      at += 1
    } else if (byte === QUOTE) {
      return at
    } else if (byte === BACKSLASH) {
      at = endOfEscape(bytes, at)
    } else {
      throw malformed(`a control character stands in a string at byte ${at}`)
    }
  }
  throw unexpected(bytes, at)
}

function endOfEscape(bytes: Buffer, backslash: number): number {
  const byte = bytes[backslash + 1] ?? 0
  if (ESCAPED[byte] === 1) return backslash + 2
  if (byte !== SMALL_U) throw unexpected(bytes, backslash + 1)
  for (let at = backslash + 2; at < backslash + 6; at += 1) {
    if (HEX[bytes[at] ?? 0] !== 1) throw unexpected(bytes, at)
  }
  return backslash + 6
}

/** A number, `true`, `false` or `null`. */
function endOfScalar(bytes: Buffer, start: number): number {
  const byte = bytes[start] ?? 0
  if (byte === MINUS || (byte >= ZERO && byte <= NINE)) return endOfNumber(bytes, start)
  const word = byte === TRUE[0] ? TRUE : byte === FALSE[0] ? FALSE : byte === NULL[0] ? NULL : undefined
  if (word === undefined) throw unexpected(bytes, start)
  for (let index = 1; index < word.length; index += 1) {
    if (bytes[start + index] !== word[index]) throw unexpected(bytes, start + index)
  }
  return start + word.length
}

function endOfNumber(bytes: Buffer, start: number): number {
  let at = bytes[start] === MINUS ? start + 1 : start
  // a zero stands alone before the point
  at = bytes[at] === ZERO ? at + 1 : endOfDigits(bytes, at)
  if (bytes[at] === POINT) at = endOfDigits(bytes, at + 1)
  const byte = bytes[at] ?? 0
  if (byte === 0x65 || byte === 0x45) {
    const sign = bytes[at + 1]
    at = endOfDigits(bytes, sign === PLUS || sign === MINUS ? at + 2 : at + 1)
  }
  return at
}

/** One digit or more. */
function endOfDigits(bytes: Buffer, start: number): number {
  let at = start
  for (;;) {
    const byte = bytes[at] ?? 0
    if (byte < ZERO || byte > NINE) break
    at += 1
  }
  if (at === start) throw unexpected(bytes, at)
  return at
}

function nameAt(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end)
  return text.includes('\\') ? String(JSON.parse(`"${text}"`)) : text
}

function checkLongString(bytes: Buffer, start: number, end: number, depth: number, limits: JsonLimits): void {
  if (decodedBytes(bytes, start, end) <= limits.stringBytesMax) return
  if (limits.longStrings.includes(pathOf(bytes, depth))) return
  throw beyondLimit('string_too_long', `holds a string longer than ${limits.stringBytesMax} bytes`)
}

/** The names of the members that lead to a value at this depth; '' inside an array. */
function pathOf(bytes: Buffer, depth: number): string {
  const names: string[] = []
  for (let level = 1; level <= depth; level += 1) {
    if (containers[level] !== OPEN_OBJECT) return ''
    names.push(nameAt(bytes, keyStarts[level] ?? 0, keyEnds[level] ?? 0))
  }
  return names.join('.')
}

/** UTF-8 bytes of a string whose escapes are resolved; a lone surrogate counts as three. */
function decodedBytes(bytes: Buffer, start: number, end: number): number {
  let count = 0
  let afterHighSurrogate = false
  for (let at = start; at < end; ) {
    if (bytes[at] !== BACKSLASH || bytes[at + 1] !== SMALL_U) {
      at += bytes[at] === BACKSLASH ? 2 : 1
      count += 1
      afterHighSurrogate = false
      continue
    }
    const unit = Number.parseInt(bytes.toString('latin1', at + 2, at + 6), 16)
    at += 6
    const isLow = unit >= 0xdc00 && unit <= 0xdfff
    // the pair is four bytes: three were counted for its first half
    count += unit < 0x80 ? 1 : unit < 0x800 ? 2 : isLow && afterHighSurrogate ? 1 : 3
    afterHighSurrogate = unit >= 0xd800 && unit <= 0xdbff
  }
  return count
}

function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const inner = Object.values(value)
  return inner.reduce((sum: number, each) => sum + countKeys(each), Array.isArray(value) ? 0 : inner.length)
}

function unexpected(bytes: Buffer, at: number): DomainError {
  return malformed(at >= bytes.length ? 'it ends too early' : `unexpected character at byte ${at}`)
}

function malformed(why: string): DomainError {
  return invalidInput({ loc: ['body'], msg: `is not valid JSON: ${why}`, type: 'value_error.jsondecode' })
}

function beyondLimit(kind: string, msg: string): DomainError {
  return invalidInput({ loc: ['body'], msg, type: `value_error.${kind}` })
}

function namedTwice(name: string): DomainError {
  return invalidInput({ loc: ['body', name], msg: 'stands in the body twice', type: 'value_error.duplicate_key' })
}
