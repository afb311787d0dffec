/** Of an endpoint, by id or uid, under its account. */
export function path(endpoint: string): string {
  return `/endpoint/${encodeURIComponent(endpoint)}`
}
