import { readFileSync } from 'node:fs'
import { usageFailure } from '../failure.ts'

export type GivenRequest = { headers: [string, string][]; body: Buffer }

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0' }
/** Flags of curl that say something of the request and take a value. */
const HEADER_FLAGS: readonly string[] = ['-H', '--header']
const BODY_FLAGS: readonly string[] = ['-d', '--data', '--data-raw', '--data-binary', '--data-ascii']

/**
 * A request from a file: as it is on the wire, or a cURL command, as the portal gives it for an attempt.
 * @throws Failure usage
 */
export function readRequest(path: string): GivenRequest {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch {
    throw usageFailure(`--request: ${path} cannot be read.`)
  }
  return /^\s*curl\s/.test(bytes.subarray(0, 100).toString('latin1')) ? parseCurl(bytes.toString()) : parseRaw(bytes)
}

/** @throws Failure usage */
export function parseHeader(line: string): [string, string] {
  const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(line) ?? []
  if (name !== undefined && value !== undefined) return [name, value]
  throw usageFailure('A header is "name: value".')
}

/** Request line, headers, an empty line, body. */
function parseRaw(bytes: Buffer): GivenRequest {
  const [mark, end] =
    [...['\r\n\r\n', '\n\n'].map((text) => [text, bytes.indexOf(text)] as const)].find(([, at]) => at > 0) ?? []
  if (mark === undefined || end === undefined)
    throw usageFailure('--request: there is no empty line after the headers.')
  const [, ...lines] = bytes.subarray(0, end).toString('latin1').split(/\r?\n/)
  return { headers: lines.map(parseHeader), body: bytes.subarray(end + mark.length) }
}

function parseCurl(command: string): GivenRequest {
  const words = wordsOf(command)
  const headers: [string, string][] = []
  let body: string | undefined
  words.forEach((word, index) => {
    const value = words[index + 1] ?? ''
    if (HEADER_FLAGS.includes(word)) headers.push(parseHeader(value))
    if (BODY_FLAGS.includes(word)) body = value
  })
  if (body === undefined) throw usageFailure('--request: the cURL command has no body.')
  return { headers, body: Buffer.from(body) }
}

/** Words of a shell command: bare, in '…', in "…" and in $'…'; nothing is expanded. */
function wordsOf(command: string): string[] {
  const words: string[] = []
  let word = ''
  let isOpen = false
  for (const [whole, gap, single, ansi, double, escaped, bare] of command.matchAll(
    /(\s+|\\\r?\n)|(?<!\$)'([^']*)'|\$'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])|([^\s'"\\$]+|\$)/g,
  )) {
    if (gap !== undefined) {
      if (isOpen) words.push(word)
      word = ''
      isOpen = false
      continue
    }
    isOpen = true
    word +=
      single ??
      (ansi !== undefined
        ? ansi.replaceAll(/\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)/g, (_, code: string) => unescaped(code))
        : undefined) ??
      double?.replaceAll(/\\(["\\$`\n])/g, (_, char: string) => (char === '\n' ? '' : char)) ??
      escaped ??
      bare ??
      whole
  }
  return isOpen ? [...words, word] : words
}

function unescaped(code: string): string {
  if (/^[ux]/.test(code) && code.length > 1) return String.fromCharCode(Number.parseInt(code.slice(1), 16))
  return SIMPLE_ESCAPES[code] ?? code
}
