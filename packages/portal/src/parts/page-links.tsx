import type { Page } from '@producersync/server/contract'
import type { Address } from '#src/address/use-address.ts'
import { Pager } from './listing.tsx'

/** The pager of a list that is read from the address's cursor; nothing where one page has all of it. */
export function pageLinks(
  page: Page<unknown> | null,
  { values: { cursor }, change }: Pick<Address, 'values' | 'change'>,
) {
  if (!page || (cursor === undefined && page.done)) return undefined
  return (
    <Pager
      onNewer={cursor === undefined ? null : () => change({ cursor: page.prevIterator })}
      onOlder={page.done ? null : () => change({ cursor: page.iterator ?? undefined })}
    />
  )
}
