import type { Page as ApiPage, AuditLine } from '@producersync/server/contract'
import { columnsOf } from '#src/activity/audit-columns.tsx'
import { useAddress } from '#src/address/use-address.ts'
import { mapView, useRead } from '#src/api/queries.ts'
import { Button } from '#src/parts/button.tsx'
import { Filters, SearchFilter } from '#src/parts/filters.tsx'
import { Listing } from '#src/parts/listing.tsx'
import { Empty } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { pageLinks } from '#src/parts/page-links.tsx'
import { STAFF } from '#src/session/session.ts'
import { text } from '#src/text.ts'
import { accountText } from '#src/text-account.ts'

const words = accountText.activity

/** Who did what in the environment, in all accounts. */
export function EnvActivityScreen() {
  const { values, change, clear, isFiltered } = useAddress()
  const view = useRead<ApiPage<AuditLine>>(STAFF, '/api/v1/env/audit', {
    query: { limit: 50, iterator: values.cursor, who: values.q },
  })
  const page = view.kind === 'ready' ? view.data : null
  return (
    <Page title={words.title} lead={words.lead}>
      <Filters
        isFiltered={isFiltered}
        onClear={clear}
        search={<SearchFilter label={words.who} value={values.q} onChange={(q) => change({ q })} />}
      />
      <Listing
        name={words.title}
        view={mapView(view, ({ data }) => data)}
        keyOf={({ id }) => id}
        columns={columnsOf(null)}
        empty={
          isFiltered ? (
            <Empty title={words.noMatch} acts={<Button onPress={clear}>{text.common.clear}</Button>} />
          ) : (
            <Empty title={words.none}>{words.noneBody}</Empty>
          )
        }
        foot={pageLinks(page, { values, change })}
      />
    </Page>
  )
}
