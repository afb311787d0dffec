import type { Page } from '@producersync/server/contract'
import { useNavigate, useSearch } from '@tanstack/react-router'
import type { RawSearch } from '#src/address/search.ts'
import { Pager } from './listing.tsx'

/** Which page the address shows, and how to show another one. */
type Paging = { values: { cursor?: string }; change: (to: { cursor: string | undefined }) => void }

/** The pager of a list that is read from the address's cursor; nothing where one page has all of it. */
export function pageLinks(page: Page<unknown> | null, { values: { cursor }, change }: Paging) {
  if (!page || (cursor === undefined && page.done)) return undefined
  return (
    <Pager
      onNewer={cursor === undefined ? null : () => change({ cursor: page.prevIterator })}
      onOlder={page.done ? null : () => change({ cursor: page.iterator ?? undefined })}
    />
  )
}

/** The cursor of an address alone; another page begins at its top. */
export function usePaging(): Paging {
  const navigate = useNavigate()
  const { cursor }: RawSearch = useSearch({ strict: false })
  const change: Paging['change'] = (to) =>
    void navigate({ to: '.', search: (before: RawSearch) => ({ ...before, ...to }) })
  return { values: cursor === undefined ? {} : { cursor }, change }
}
