/** What curl says by itself. */
const OWN = new Set(['host', 'content-length', 'connection', 'accept-encoding', 'transfer-encoding'])

/**
 * A request as a command of a shell, byte for byte, with the signature that it had.
 * @param sensitive  names of headers whose values are not known here; they are left out
 */
export function toCurl(
  request: { url: string; headers: readonly (readonly string[])[]; sensitive: readonly string[] },
  body: string,
): string {
  const hidden = new Set(request.sensitive.map((name) => name.toLowerCase()))
  const headers = request.headers.filter(
    ([name = '']) => !OWN.has(name.toLowerCase()) && !hidden.has(name.toLowerCase()),
  )
  return [
    `curl -X POST ${quoted(request.url)}`,
    ...headers.map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    `--data-binary ${quoted(body)}`,
  ].join(' \\\n  ')
}

/** The request with other values of some headers, as they would be now. @param headers  by lower-case name */
export function withHeaders<Request extends { headers: readonly (readonly string[])[] }>(
  request: Request,
  headers: Readonly<Record<string, string>>,
): Request {
  const others = request.headers.filter(([name = '']) => !Object.hasOwn(headers, name.toLowerCase()))
  return { ...request, headers: [...others, ...Object.entries(headers)] }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
