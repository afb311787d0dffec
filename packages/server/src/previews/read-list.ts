import { pipeline, Readable } from 'node:stream'
import { type CsvError, parse } from 'csv-parse'
import { DomainError, invalidInput } from '#src/domain-error.ts'
import { isDamagedWhole } from './classify.ts'
import { decoded } from './read-text.ts'

/** A value of a list, and the line of the file (of a JSON list: the place) that it stands on, from 1. */
export type ListedValue = { line: number; text: string }

/** What a file turned out to be, known once its first value has been read. `column`: the header that was found. */
export type ListForm = { format: 'csv' | 'text' | 'json'; column: string | null }

export type ReadList = { form: ListForm; values: AsyncIterable<ListedValue> | Iterable<ListedValue> }

/** Headers of the column to read, letters alone and small. */
const HEADERS = new Set(['npn', 'npnnumber', 'npnno', 'producernpn', 'agentnpn', 'nationalproducernumber'])
const HEADER_LENGTH_MAX = 100
const RECORD_CHARACTERS_MAX = 100_000
/** How a first field begins that is a value and no header. */
const VALUE = /^["'+-]?[0-9]/

/**
 * Reads NPNs from a file as it comes: CSV with a column of them, or a plain list, one or several a line.
 * @throws DomainError invalid_input at `body`: no text, no column of NPNs, a quote without its end
 */
export async function readFile(chunks: AsyncIterable<Uint8Array>): Promise<ReadList> {
  const records = recordsOf(chunks)
  const first = await firstRecord(records)
  const columns = first?.fields.map(toHeader) ?? []
  const column = columns.findIndex((name) => HEADERS.has(name))
  if (first && column >= 0) {
    const header = (first.fields[column] ?? '').slice(0, HEADER_LENGTH_MAX)
    const width = first.fields.length
    return { form: { format: 'csv', column: header }, values: inColumn(records, column, width) }
  }
  const given = first?.fields.filter((field) => field !== '') ?? []
  if (given.length > 1 && !given.every((field) => VALUE.test(field))) {
    throw refused('has no column of the name "npn"')
  }
  return { form: { format: 'text', column: null }, values: inLines(first, records) }
}

/** @throws DomainError invalid_input: no JSON list of strings */
export function readJson(bytes: Buffer): ReadList {
  const values = parsed(bytes)
  if (!Array.isArray(values)) throw refused('must be a JSON list of NPNs')
  const elements: unknown[] = values
  const wrong = elements.findIndex((element) => typeof element !== 'string')
  if (wrong >= 0)
    throw invalidInput({ loc: ['body', `[${wrong}]`], msg: 'must be a string', type: 'type_error.string' })
  return {
    form: { format: 'json', column: null },
    values: elements.map((element, index) => ({ line: index + 1, text: String(element).trim() })),
  }
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw refused('is no JSON in UTF-8')
  }
}

type ListRecord = { line: number; fields: string[] }
type Records = AsyncGenerator<ListRecord, void>

async function firstRecord(records: Records): Promise<ListRecord | undefined> {
  for (;;) {
    const { value, done } = await records.next()
    if (done || !value) return undefined
    if (value.fields.some((field) => field !== '')) return value
  }
}

async function* inColumn(records: Records, column: number, width: number): AsyncGenerator<ListedValue> {
  for await (const { line, fields } of records) {
    // separators of thousands that were not quoted have made several fields of one value
    const more = fields.slice(column, column + 1 + Math.max(0, fields.length - width)).join(',')
    yield { line, text: isDamagedWhole(more) ? more : (fields[column] ?? '') }
  }
}

async function* inLines(first: ListRecord | undefined, records: Records): AsyncGenerator<ListedValue> {
  if (first) yield* inLine(first)
  for await (const record of records) yield* inLine(record)
}

function* inLine({ line, fields }: ListRecord): Generator<ListedValue> {
  const whole = fields.join(',')
  const texts = isDamagedWhole(whole)
    ? [whole]
    : fields.flatMap((field) => (isDamagedWhole(field) ? field : spaced(field)))
  for (const text of texts) yield { line, text }
}

/** A field of a list may hold several values side by side; words are one. */
function spaced(field: string): string[] {
  const parts = field.split(/\s+/)
  return parts.every((part) => VALUE.test(part)) ? parts : [field]
}

async function* recordsOf(chunks: AsyncIterable<Uint8Array>): Records {
  const parser = parse({
    delimiter: [',', ';', '\t'],
    record_delimiter: ['\r\n', '\n', '\r'],
    info: true,
    trim: true,
    relax_column_count: true,
    relax_quotes: true,
    max_record_size: RECORD_CHARACTERS_MAX,
  })
  let failure: unknown
  pipeline(Readable.from(asText(chunks)), parser, (error) => {
    failure = error
  })
  try {
    for await (const each of parser) {
      // with `info` each record comes with where it stands
      const { record, info } = each as { record: string[]; info: { lines: number } }
      yield { line: info.lines, fields: record.map((field) => field.trim()) }
    }
  } catch (error) {
    throw ofParser(failure ?? error)
  }
}

async function* asText(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  for await (const text of decoded(chunks)) {
    if (text.includes('\0')) throw refused('is no text')
    yield text
  }
}

function ofParser(error: unknown): unknown {
  if (error instanceof DomainError || !isCsvError(error)) return error
  const line = typeof error.lines === 'number' ? `line ${error.lines}: ` : ''
  if (error.code === 'CSV_QUOTE_NOT_CLOSED') return refused(`${line}a quote has no end`)
  return refused(`${line}cannot be read as CSV`)
}

function isCsvError(error: unknown): error is CsvError & { lines?: unknown } {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('CSV_')
}

function toHeader(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z]/g, '')
}

function refused(msg: string): DomainError {
  return invalidInput({ loc: ['body'], msg, type: 'value_error' })
}
