import type { Page as ApiPage, EnvAccount } from '@producersync/server/contract'
import { Ban, Check, CircleHelp, type LucideIcon, Minus, TrendingDown, X } from 'lucide-react'
import { useState } from 'react'
import { oneOf } from '#src/address/search.ts'
import { useAddress } from '#src/address/use-address.ts'
import { mapView, useRead } from '#src/api/queries.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { Choice, Filters, SearchFilter } from '#src/parts/filters.tsx'
import { type Column, LiveListing, RowLink } from '#src/parts/listing.tsx'
import { Empty } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { pageLinks } from '#src/parts/page-links.tsx'
import { Pill, type Tone } from '#src/parts/pill.tsx'
import { useSession } from '#src/session/account.ts'
import { STAFF } from '#src/session/session.ts'
import { count, countOf, text } from '#src/text.ts'
import { envText } from '#src/text-env.ts'
import { LastAge } from '#src/time/time.tsx'
import { NewAccountDialog } from './new-account-dialog.tsx'

const words = envText.accounts

type Health = EnvAccount['health']
const HEALTH: Record<Health, [Tone, LucideIcon]> = {
  failing: ['bad', X],
  degraded: ['warn', TrendingDown],
  healthy: ['ok', Check],
  unverified: ['idle', CircleHelp],
  disabled: ['idle', Ban],
  none: ['idle', Minus],
}
const STATES = Object.keys(HEALTH) as Health[]
const KNOWN = { state: oneOf(STATES) }

/** The accounts of the environment, and how each does. Source: portal O1. */
export function AccountsScreen() {
  const { values, faults, change, clear, isFiltered } = useAddress(KNOWN)
  const view = useRead<ApiPage<EnvAccount>>(STAFF, '/api/v1/env/account', {
    query: { limit: 50, iterator: values.cursor, q: values.q, health: values.state?.[0] },
    everyMs: 30_000,
  })
  const session = useSession()
  const [isMaking, setMaking] = useState(false)
  const page = view.kind === 'ready' ? view.data : null
  return (
    <Page
      title={words.title}
      ignored={faults}
      acts={
        <Button
          kind="primary"
          onPress={() => setMaking(true)}
          whyOff={session?.staff === 'operator' ? null : envText.operatorOnly}
        >
          {envText.newAccount.add}
        </Button>
      }
    >
      <Filters
        isFiltered={isFiltered}
        onClear={clear}
        result={page ? text.list.showing({ count: page.data.length, capped: !page.done }) : undefined}
        search={<SearchFilter label={words.search} value={values.q} onChange={(q) => change({ q })} />}
      >
        <div>
          <Choice
            label={words.health}
            any={words.anyHealth}
            chosen={values.state}
            options={STATES.map((state) => ({ value: state, label: words.states[state] }))}
            onChange={(state) => change({ state })}
          />
        </div>
      </Filters>
      <LiveListing
        isWide
        name={words.title}
        view={mapView(view, ({ data }) => data)}
        keyOf={({ id }) => id}
        columns={COLUMNS}
        empty={
          isFiltered ? (
            <Empty title={words.none} acts={<Button onPress={clear}>{text.common.clear}</Button>} />
          ) : (
            <Empty title={words.first}>{words.firstBody}</Empty>
          )
        }
        foot={pageLinks(page, { values, change })}
      />
      {isMaking && <NewAccountDialog onClose={() => setMaking(false)} />}
    </Page>
  )
}

const COLUMNS: Column<EnvAccount>[] = [
  {
    key: 'name',
    head: words.account,
    isPlain: true,
    cell: ({ id, name }) => (
      <RowLink to="/a/$account" params={{ account: id }}>
        <span className={layout.cell}>{name}</span>
      </RowLink>
    ),
  },
  {
    key: 'id',
    head: words.id,
    cell: ({ id, uid }) => (
      <code className={layout.name} data-tip={uid}>
        {uid ?? id}
      </code>
    ),
  },
  {
    key: 'health',
    head: words.health,
    isPlain: true,
    cell: ({ health }) => (
      <Pill tone={HEALTH[health][0]} icon={HEALTH[health][1]}>
        {words.states[health]}
      </Pill>
    ),
  },
  { key: 'producers', head: words.producers, isNumber: true, cell: ({ producers }) => count(producers) },
  { key: 'endpoints', head: words.endpoints, isNumber: true, cell: ({ endpoints }) => count(endpoints.total) },
  {
    key: 'waiting',
    head: words.waiting,
    isNumber: true,
    cell: ({ waiting }) => countOf(waiting),
  },
  {
    key: 'signal',
    head: words.lastSignal,
    cell: ({ lastSignalAt }) => <LastAge at={lastSignalAt} isInRow />,
  },
  {
    key: 'signIn',
    head: words.lastSignIn,
    cell: ({ lastSignInAt }) => <LastAge at={lastSignInAt} isInRow />,
  },
]
