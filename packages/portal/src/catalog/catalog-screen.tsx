import type { EventType } from '@producersync/server/contract'
import { useAddress } from '#src/address/use-address.ts'
import { mapView } from '#src/api/queries.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { Filters, SearchFilter } from '#src/parts/filters.tsx'
import { type Column, Listing, RowLink } from '#src/parts/listing.tsx'
import { Empty } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { useAccount } from '#src/session/account.ts'
import { newestSchema } from '#src/testing/example.ts'
import { text } from '#src/text.ts'
import { accountText } from '#src/text-account.ts'
import { useEventTypes } from './event-types.tsx'
import { matches } from './fields.ts'

const words = accountText.catalog

/** What the account can be told of. Source: portal S9. */
export function CatalogScreen() {
  const account = useAccount()
  const { values, faults, change, clear, isFiltered } = useAddress()
  const view = useEventTypes(account.id)
  const columns: Column<EventType>[] = [
    {
      key: 'name',
      head: words.type,
      isPlain: true,
      cell: ({ name }) => (
        <RowLink to="/a/$account/catalog/$type" params={{ account: account.id, type: name }}>
          <code className={layout.name} data-tip={name}>
            {name}
          </code>
        </RowLink>
      ),
    },
    {
      key: 'description',
      head: words.when,
      isPlain: true,
      cell: ({ description }) => <span className={layout.cell}>{description}</span>,
    },
    { key: 'group', head: words.group, cell: ({ groupName }) => groupName ?? text.common.none },
    { key: 'version', head: words.version, cell: (type) => newestSchema(type)?.version ?? text.common.none },
  ]
  return (
    <Page title={words.title} lead={words.lead} ignored={faults}>
      <Filters
        isFiltered={isFiltered}
        onClear={clear}
        search={<SearchFilter label={words.search} value={values.q} onChange={(q) => change({ q })} />}
      />
      <Listing
        name={words.title}
        view={mapView(view, ({ data }) => data.filter((type) => matches(type, values.q ?? '')))}
        keyOf={({ name }) => name}
        columns={columns}
        empty={<Empty title={words.noMatch} acts={<Button onPress={clear}>{text.common.clear}</Button>} />}
      />
    </Page>
  )
}
