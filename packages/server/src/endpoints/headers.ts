import type { Fault } from '#src/domain-error.ts'
import { fault, refuseFaulty } from './faults.ts'

/** Own headers of an endpoint, sent with every attempt: name, in the letter case given, and value. */
export type Headers = ReadonlyMap<string, string>

/** What GET shows: values of sensitive headers are never returned, only their names. */
export type ShownHeaders = { headers: Record<string, string>; sensitive: string[] }

const HEADERS_MAX = 20
const HEADERS_BYTES_MAX = 16 * 1024
const VALUE_BYTES_MAX = 4096
const HEADER_NAME = /^[A-Za-z0-9-]{1,64}$/
/** Visible ASCII, spaces and tabs, the first and last character visible; or nothing. */
const HEADER_VALUE = /^(?:[!-~]|[!-~][\t -~]*[!-~])?$/

const SENSITIVE_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'x-api-key',
  'x-auth-token',
  'www-authenticate',
])

// what the connection, the body and the signature say is for the service alone; the rest is what proxies and clouds trust
const REFUSED_NAMES = new Set(
  `host connection keep-alive upgrade te trailer trailers transfer-encoding expect content-length content-type
   content-encoding content-language content-location accept-encoding cookie user-agent forwarded age cache-control
   clear-site-data expires pragma warning`.split(/\s+/),
)
const REFUSED_PREFIXES =
  `webhook- svix- x-svix- proxy- x-forwarded- x-amz- x-amzn- x-aws- x-goog- x-google x-gfe x-azure-
   x-fd- metadata-`.split(/\s+/)

/** What is wrong with these headers as the whole set of an endpoint. No message holds a value. */
export function headerFaults(headers: Headers): Fault[] {
  const faults: Fault[] = []
  const seen = new Set<string>()
  let bytes = 0
  for (const [name, value] of headers) {
    const wrong = nameFault(name) ?? valueFault(value) ?? (seen.has(name.toLowerCase()) ? 'given twice' : undefined)
    if (wrong) faults.push(fault(['headers', name], wrong))
    seen.add(name.toLowerCase())
    bytes += name.length + value.length
  }
  if (headers.size > HEADERS_MAX) faults.push(fault('headers', `more than ${HEADERS_MAX} headers`))
  if (bytes > HEADERS_BYTES_MAX) faults.push(fault('headers', `more than ${HEADERS_BYTES_MAX} bytes in all`))
  return faults
}

/**
 * Headers after a merge: a text replaces or adds, null and `deleted` remove; names are compared without letter case.
 * @throws DomainError invalid_input when the change contradicts itself or the outcome breaks a rule
 */
export function mergeHeaders(
  current: Headers,
  changes: Readonly<Record<string, string | null>>,
  deleted: readonly string[],
): Headers {
  const faults: Fault[] = []
  const merged = new Map([...current].map(([name, value]) => [name.toLowerCase(), { name, value }]))
  const removed = new Set(deleted.map((name) => name.toLowerCase()))
  const changed = new Set<string>()
  for (const [name, value] of Object.entries(changes)) {
    const key = name.toLowerCase()
    if (changed.has(key)) faults.push(fault(['headers', name], 'given twice'))
    if (removed.has(key)) faults.push(fault(['headers', name], 'also in deleteHeaders'))
    changed.add(key)
    merged.delete(key)
    if (value !== null) merged.set(key, { name, value })
  }
  for (const key of removed) merged.delete(key)
  const headers = new Map([...merged.values()].map(({ name, value }) => [name, value]))
  faults.push(...headerFaults(headers))
  refuseFaulty(faults)
  return headers
}

export function showHeaders(headers: Headers): ShownHeaders {
  const shown = [...headers].filter(([name]) => !isSensitiveHeader(name))
  return { headers: Object.fromEntries(shown), sensitive: [...headers.keys()].filter(isSensitiveHeader) }
}

/** Whose value is withheld from every answer and log; letter case does not matter. Source: webhook-api 9.3. */
export function isSensitiveHeader(name: string): boolean {
  return SENSITIVE_HEADERS.has(name.toLowerCase())
}

function nameFault(name: string): string | undefined {
  if (!HEADER_NAME.test(name)) return 'not a header name: 1 to 64 letters, digits and hyphens'
  const key = name.toLowerCase()
  if (REFUSED_NAMES.has(key) || REFUSED_PREFIXES.some((prefix) => key.startsWith(prefix))) return 'reserved'
  return undefined
}

function valueFault(value: string): string | undefined {
  if (value.length > VALUE_BYTES_MAX) return `longer than ${VALUE_BYTES_MAX} bytes`
  return HEADER_VALUE.test(value) ? undefined : 'only visible ASCII, spaces and tabs, and no blank at either end'
}
