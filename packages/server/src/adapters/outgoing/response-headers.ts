/** Headers as the HTTP client hands them over: names in lower case, an array where a name came more than once. */
export type ReceivedHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

export type HeaderList = [name: string, value: string][]

const HEADERS_MAX = 50
const HEADER_BYTES_MAX = 4096

/**
 * What of a response's headers is kept for people to read: the first 50, 4 KiB of names and values in all.
 * The first header that does not fit ends the list, so that what is kept is a true beginning.
 * Values are Latin-1, as received: one character is one byte.
 */
export function keepHeaders(headers: ReceivedHeaders): HeaderList {
  const kept: HeaderList = []
  let bytesLeft = HEADER_BYTES_MAX
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    for (const single of typeof value === 'string' ? [value] : (value ?? [])) {
      bytesLeft -= name.length + single.length
      if (kept.length === HEADERS_MAX || bytesLeft < 0) return kept
      kept.push([name, single])
    }
  }
  return kept
}
