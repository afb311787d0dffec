/** Host and port of an endpoint's URL. */
export function hostOf(url: string): string {
  try {
    return new URL(url).host
  } catch {
    return url
  }
}

/** An endpoint as people call it: by its description, else by its host. The same on every page. */
export function endpointName({ url, description }: { url: string; description: string }): string {
  return description.trim() || hostOf(url)
}

/** The URL with the values of its query hidden: they may be secrets. */
export function maskedUrl(url: string): string {
  return url.replace(/([?&][^=&#]*)=[^&#]*/g, '$1=…')
}

/** The path, query values hidden, where there is more to say than the host. */
export function pathOf(url: string): string {
  try {
    const { pathname, search } = new URL(url)
    return maskedUrl(pathname + search)
  } catch {
    return ''
  }
}

export type UrlFault = 'empty' | 'not_a_url' | 'scheme' | 'credentials' | 'fragment' | 'port' | 'http_port' | 'private'

/** Names and addresses that lead into a private network; the service decides, with names resolved. */
const PRIVATE =
  /^(localhost|.*\.(local|internal|localhost)|127\..*|10\..*|192\.168\..*|169\.254\..*|172\.(1[6-9]|2\d|3[01])\..*|0\.0\.0\.0|\[(::1?|f[cd].*|fe80.*)\])$/i

/** Ports that are reached, as a URL has them. Source: reliability-security 6 */
const PORTS: Readonly<Record<string, readonly string[]>> = {
  'https:': ['', '8443'],
  'http:': ['', '8080', '443', '8443'],
}

/** What is wrong with a URL that is being typed; null when the service will probably take it. */
export function urlFault(text: string, { isSandbox }: { isSandbox: boolean }): UrlFault | null {
  const trimmed = text.trim()
  if (trimmed === '') return 'empty'
  if (!URL.canParse(trimmed)) return 'not_a_url'
  const url = new URL(trimmed)
  const schemes = isSandbox ? ['https:', 'http:'] : ['https:']
  if (!schemes.includes(url.protocol)) return 'scheme'
  if (url.username !== '' || url.password !== '') return 'credentials'
  if (url.hash !== '') return 'fragment'
  if (PRIVATE.test(url.hostname)) return isSandbox ? null : 'private'
  if (PORTS[url.protocol]?.includes(url.port)) return null
  return url.protocol === 'https:' ? 'port' : 'http_port'
}

/** What may be said of a URL that is not finished: that there is none yet is no fault. */
export function urlFaultWhileTyped<Fault extends string>(fault: Fault | undefined): Fault | undefined {
  return fault === 'empty' || fault === 'not_a_url' ? undefined : fault
}

/** The host as it is looked up, of one that is written in another script: `xn--bcher-kva.example`; null for others. */
export function asciiHostOf(text: string): string | null {
  const written = /^\s*https?:\/\/([^/?#]*)/i.exec(text)?.[1] ?? ''
  if (!/[^\p{ASCII}]/u.test(written) || !URL.canParse(text.trim())) return null
  return new URL(text.trim()).host
}
