import { isEmbedded } from '#src/embed/host.ts'

/** What a login link carries: the key in its fragment, which no server and no referrer sees, and where to go on. */
export type LoginLink = { key: string | null; next: string | null; embed: boolean }

/** Reads the key and removes it from the address and the history. */
export function takeKey(
  { pathname, search, hash }: Pick<Location, 'pathname' | 'search' | 'hash'>,
  history: Pick<History, 'replaceState' | 'state'>,
): LoginLink {
  const key = new URLSearchParams(hash.slice(1)).get('key')
  const query = new URLSearchParams(search)
  if (key !== null) history.replaceState(history.state, '', pathname + search)
  return { key: key === '' ? null : key, next: query.get('next'), embed: query.get('embed') === '1' || isEmbedded }
}

/** A path below `/portal/`, as the router knows it; null for what leads elsewhere. */
export function safeNext(next: string | null): string | null {
  if (next === null || !next.startsWith('/') || /^\/[/\\]/.test(next) || /[\\\p{Cc}]/u.test(next)) return null
  const base = 'https://portal.invalid'
  const url = new URL(next, base)
  if (url.origin !== base) return null
  const path = url.pathname.startsWith('/portal/') ? url.pathname.slice('/portal'.length) : url.pathname
  return /^\/(a|env|o|cli-login)(\/|$)/.test(path) ? path + url.search : null
}
