/** Host and port of an endpoint's URL, as people call it. */
export function hostOf(url: string): string {
  try {
    return new URL(url).host
  } catch {
    return url
  }
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

export type UrlFault = 'empty' | 'not_a_url' | 'scheme' | 'credentials' | 'fragment' | 'private'

/** Names and addresses that lead into a private network; the service decides, with names resolved. */
const PRIVATE =
  /^(localhost|.*\.(local|internal|localhost)|127\..*|10\..*|192\.168\..*|169\.254\..*|172\.(1[6-9]|2\d|3[01])\..*|0\.0\.0\.0|\[(::1?|f[cd].*|fe80.*)\])$/i

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
  return !isSandbox && PRIVATE.test(url.hostname) ? 'private' : null
}
