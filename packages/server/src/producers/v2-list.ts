import type { ServedKind } from './answer-schemas.ts'
import { type Filters, filterPairs } from './filters.ts'
import { type Position, START, toToken } from './position.ts'

/** A list as it was asked for. */
export type V2Request = {
  kind: ServedKind
  /** Without the origin. */
  path: string
  filters: Filters
  size: number
  token: string
  /** What the token says; undefined: the start. */
  after: Position | undefined
}

type ListedRow = { npn: string; id: number }

/**
 * The HAL body of a page. Behind the last record comes a page without `embedded`, whose `next` is the start: that, not a short
 * page, is the end. Source: producersync-api 4.
 */
export function toV2List(publicUrl: string, request: V2Request, rows: readonly ListedRow[]): object {
  const last = rows.at(-1)
  const next = last ? toToken({ npn: Number(last.npn), id: last.id }, request) : START
  const links = {
    self: { href: hrefOf(publicUrl, request, request.token) },
    next: { href: hrefOf(publicUrl, request, next) },
  }
  return rows.length > 0 ? { embedded: { [request.kind]: rows }, links } : { links }
}

function hrefOf(publicUrl: string, { path, filters, size }: V2Request, token: string): string {
  const pairs = [...filterPairs(filters), ['size', String(size)], ['continuationToken', token]]
  // all values are letters, digits, commas, hyphens and underscores: none needs an escape
  return `${publicUrl}${path}?${pairs.map(([name, value]) => `${name}=${value}`).join('&')}`
}
