import type { Page as ApiPage, AuditLine } from '@producersync/server/contract'
import { useState } from 'react'
import { instantOf } from '#src/address/search.ts'
import { useAddress } from '#src/address/use-address.ts'
import { call, ofAccount, withQuery } from '#src/api/client.ts'
import { mapView, useRead } from '#src/api/queries.ts'
import { Button } from '#src/parts/button.tsx'
import { Filters, SearchFilter } from '#src/parts/filters.tsx'
import { Listing } from '#src/parts/listing.tsx'
import { Empty, ErrorNotice } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { pageLinks } from '#src/parts/page-links.tsx'
import { saveFile } from '#src/parts/save-file.ts'
import { type Account, useAccount } from '#src/session/account.ts'
import { ForbiddenScreen } from '#src/shell/other-screens.tsx'
import { text } from '#src/text.ts'
import { accountText } from '#src/text-account.ts'
import { RangeFilter } from '#src/time/range-filter.tsx'
import { columnsOf } from './audit-columns.tsx'

const words = accountText.activity
const RETENTION_DAYS = 365
const MINUTE_MS = 60_000

/** Who did what in the account. Source: portal S15. */
export function ActivityScreen() {
  const account = useAccount()
  if (!account.can('ManageAccount')) return <ForbiddenScreen needed="ManageAccount" />
  return <Activity account={account} />
}

function Activity({ account }: { account: Account }) {
  const { values, faults, change, clear, isFiltered } = useAddress()
  const [error, setError] = useState<unknown>(null)
  const [isExporting, setExporting] = useState(false)
  const [opened] = useState(() => Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS)
  const now = new Date(opened)
  const filter = {
    who: values.q,
    from: instantOf(values.from ?? '-30d', now)?.toISOString(),
    to: instantOf(values.to, now)?.toISOString(),
  }
  const path = ofAccount(account.id, 'audit')
  const view = useRead<ApiPage<AuditLine>>(account.id, path, {
    query: { ...filter, limit: 50, iterator: values.cursor },
  })
  const page = view.kind === 'ready' ? view.data : null

  async function exportCsv() {
    setError(null)
    setExporting(true)
    try {
      const response = await call(account.id, withQuery(`${path}/export`, { ...filter, format: 'csv' }))
      saveFile('activity.csv', 'text/csv', await response.blob())
    } catch (caught) {
      setError(caught)
    } finally {
      setExporting(false)
    }
  }

  return (
    <Page
      title={words.title}
      lead={words.lead}
      ignored={faults}
      acts={
        <Button onPress={() => void exportCsv()} pending={isExporting && words.exporting}>
          {words.export}
        </Button>
      }
    >
      {error != null && <ErrorNotice error={error} />}
      <Filters
        isFiltered={isFiltered}
        onClear={clear}
        result={page ? text.list.showing({ count: page.data.length, capped: !page.done }) : undefined}
        search={<SearchFilter label={words.who} value={values.q} onChange={(q) => change({ q })} />}
      >
        <div>
          <RangeFilter
            range={{ from: values.from, to: values.to }}
            fallback="-30d"
            retentionDays={RETENTION_DAYS}
            onChange={({ from, to }) => change({ from, to })}
          />
        </div>
      </Filters>
      <Listing
        name={words.title}
        view={mapView(view, ({ data }) => data)}
        keyOf={({ id }) => id}
        columns={columnsOf(account.id)}
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
