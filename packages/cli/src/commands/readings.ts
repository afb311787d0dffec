import { check, type HeadersLike, type VerificationCode, type VerifyOptions } from '@producersync/webhooks/node'

/** What may have become of the body on its way, each with what to do. */
const changes: readonly (readonly [hint: string, change: (text: string) => string])[] = [
  ['The body was parsed and written again: your framework parsed it. Pass the raw body.', reserialised],
  ['The body was parsed and written again with indentation: pass the raw body.', (text) => reserialised(text, 2)],
  ['The body has a line break at its end that was not sent.', (text) => text.replace(/\r?\n$/, '')],
  ['A line break at the end of the body was lost.', (text) => `${text}\n`],
  ['Line breaks of the body were changed from LF to CRLF.', (text) => text.replaceAll('\r\n', '\n')],
  ['Line breaks of the body were changed from CRLF to LF.', (text) => text.replaceAll(/\r?\n/g, '\r\n')],
  ['The body begins with a byte order mark that was not sent.', (text) => text.replace(/^\uFEFF/, '')],
]

/** For what is not verified: under which other reading would it be? @returns what happened, and what to do */
export function otherReadings(
  code: VerificationCode,
  { body, headers }: { body: Buffer; headers: [string, string][] },
  options: VerifyOptions,
): string | undefined {
  const text = body.toString('utf8')
  if (code === 'invalid_header' && isSigned(text, headers.map(swapped), options)) {
    return 'Id and timestamp are swapped: each is in the header of the other.'
  }
  if (code !== 'no_matching_signature') return undefined
  for (const [hint, change] of changes) {
    const changed = change(text)
    if (changed !== text && isSigned(changed, headers, options)) return hint
  }
  return undefined
}

function swapped([name, value]: [string, string]): [string, string] {
  const id = name.replace(/-timestamp$/i, '-id')
  return [id === name ? name.replace(/-id$/i, '-timestamp') : id, value]
}

function isSigned(body: string, headers: HeadersLike, options: VerifyOptions): boolean {
  const verdict = check(body, headers, options)
  return verdict.ok || verdict.code === 'invalid_json' || verdict.code === 'invalid_event'
}

function reserialised(text: string, indent?: number): string {
  try {
    return JSON.stringify(JSON.parse(text), null, indent)
  } catch {
    return text
  }
}
