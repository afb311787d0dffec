/** A page of a v1 list: `page` counts from 0. Source: producersync-api 4. */
export type V1Page = { page: number; size: number }

export type V1List = {
  /** Key of the rows under `embedded`. */
  name: string
  rows: readonly object[]
  total: number
  /** Does a row follow the last one here? */
  hasMore: boolean
  /** Absolute, without query. */
  url: string
  /** Filters as given, repeated in every link. */
  filters: Record<string, string | undefined>
  /** Position as given and of the next page, in lists that can be followed by their last row. */
  after?: { given: string | undefined; next: string | undefined }
}

/** The HAL body of a v1 list. An empty one has no `embedded`; links to pages that do not exist are left out. */
export function toV1List(list: V1List, { page, size }: V1Page): object {
  const { name, rows, total, hasMore, after } = list
  const totalPages = Math.ceil(total / size)
  const link = (number: number, from?: string) => ({ href: hrefOf(list, { page: number, size }, from) })
  return {
    ...(rows.length > 0 ? { embedded: { [name]: rows } } : {}),
    links: {
      self: link(page, after?.given),
      ...(totalPages > 1 ? { first: link(0) } : {}),
      ...(page > 0 && totalPages > 0 ? { prev: link(Math.min(page, totalPages) - 1) } : {}),
      ...(hasMore ? { next: link(page + 1, after?.next) } : {}),
      ...(totalPages > 1 ? { last: link(totalPages - 1) } : {}),
    },
    page: { size, totalElements: total, totalPages, number: page },
  }
}

function hrefOf({ url, filters }: V1List, { page, size }: V1Page, after: string | undefined): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(filters)) if (value !== undefined) query.set(name, value)
  query.set('page', String(page))
  query.set('size', String(size))
  if (after !== undefined) query.set('after', after)
  return `${url}?${query.toString()}`
}
