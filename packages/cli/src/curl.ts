/** What stands in the place of a secret; nothing that is printed holds one. */
const HIDDEN = '…'

/** A request as a cURL command; the token is read from the environment, and secrets in the body are left out. */
export function curlOf(
  target: URL,
  { method, headers, body }: { method: string; headers: object; body?: unknown },
): string {
  const shown = Object.entries(headers).filter(([name]) => name !== 'authorization' && name !== 'user-agent')
  return [
    `curl -sS -X ${method} ${quoted(target.href)}`,
    '-H "authorization: Bearer $PSAPI_TOKEN"',
    ...shown.map(([name, value]) => `-H ${quoted(`${name}: ${String(value)}`)}`),
    ...(body === undefined ? [] : [`--data-binary ${quoted(textOf(body))}`]),
  ].join(' ')
}

/** For a shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

function textOf(body: unknown): string {
  if (typeof body !== 'string') return Buffer.from(body as Uint8Array).toString()
  const hide = (name: string, value: unknown) => (/secret|password|^headers$/i.test(name) ? HIDDEN : value)
  return JSON.stringify(JSON.parse(body, hide))
}
