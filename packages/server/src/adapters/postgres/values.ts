import { types } from 'pg'

/**
 * The wire form of a parameter: bytes as they are, everything else as text PostgreSQL reads. Arrays become PostgreSQL arrays and
 * plain objects JSON; `undefined` is null.
 */
export function toParameter(value: unknown): string | Buffer | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return toBuffer(value)
  if (Array.isArray(value)) return toArrayText(value)
  return JSON.stringify(value)
}

type Parser = (text: string) => unknown

const int8 = 20
const int8Array = 1016
const date = 1082
const dateArray = 1182

const textArray = 1009
const parseTextArray = builtIn(textArray)

const own = new Map<number, Parser>([
  [int8, parseInteger],
  [int8Array, (text) => parseEach(text, parseInteger)],
  // a date has no time zone: as a Date it would be another day west of Greenwich
  [date, (text) => text],
  [dateArray, parseTextArray],
])

/**
 * How a column of this type is read: int8 as number (bigint beyond 2^53), timestamptz as Date, bytea as Buffer, date as
 * `YYYY-MM-DD`, numeric as text, json parsed, arrays as arrays of these.
 */
export function parserOf(typeId: number): Parser {
  return own.get(typeId) ?? builtIn(typeId)
}

function builtIn(typeId: number): Parser {
  const parser: Parser = types.getTypeParser(typeId, 'text')
  return parser
}

function parseInteger(text: string): number | bigint {
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : BigInt(text)
}

function parseEach(text: string, parse: Parser): unknown {
  const items = parseTextArray(text)
  const each = (item: unknown): unknown => {
    if (Array.isArray(item)) return item.map(each)
    return typeof item === 'string' ? parse(item) : null
  }
  return each(items)
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** An array as PostgreSQL writes it: `{1,"two",NULL}`. Mapping and joining would take twice as long, and an outcome has 26 of these. */
export function toArrayText(items: readonly unknown[]): string {
  let text = '{'
  for (let index = 0; index < items.length; index += 1)
    text += index === 0 ? toElement(items[0]) : `,${toElement(items[index])}`
  return `${text}}`
}

function toElement(item: unknown): string {
  if (typeof item === 'string') return quoted(item)
  if (typeof item === 'number' || typeof item === 'boolean') return String(item)
  if (Array.isArray(item)) return toArrayText(item)
  const value = item instanceof Uint8Array ? `\\x${toBuffer(item).toString('hex')}` : toParameter(item)
  return value === null ? 'NULL' : quoted(value.toString())
}

/** Most have nothing to escape, and to look for it is quicker than to replace it. */
function quoted(text: string): string {
  const isPlain = !text.includes('"') && !text.includes('\\')
  return isPlain ? `"${text}"` : `"${text.replace(/["\\]/g, '\\$&')}"`
}
