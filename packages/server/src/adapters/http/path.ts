const PERCENT = /(?:%[0-9A-Fa-f]{2})+|%/g
/** U+FFFD: no id and no name holds it. */
const UNREADABLE = '%EF%BF%BD'

/**
 * A request's target whose path can be decoded. Where its percent-encoding is broken a character stands that nothing is
 * named with, so that such a path value is as unknown as any other, and to the same callers.
 */
export function readablePath(url: string): string {
  if (!url.includes('%')) return url
  const queryStart = url.indexOf('?')
  const path = queryStart === -1 ? url : url.slice(0, queryStart)
  if (isDecodable(path)) return url
  const repaired = path.replaceAll(PERCENT, (escaped) => (isDecodable(escaped) ? escaped : UNREADABLE))
  return queryStart === -1 ? repaired : repaired + url.slice(queryStart)
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
