import type { Page as ApiPage, EndpointHealthRow } from '@producersync/server/contract'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { someOf } from '#src/address/search.ts'
import { useAddress } from '#src/address/use-address.ts'
import { ofAccount } from '#src/api/client.ts'
import { mapView, useRead } from '#src/api/queries.ts'
import { TypeFilter } from '#src/catalog/event-types.tsx'
import { Spark } from '#src/charts/outcome-chart.tsx'
import { sparkWords } from '#src/charts/words.ts'
import layout from '#src/look/layout.module.css'
import { Breakable } from '#src/parts/breakable.tsx'
import { Button, ButtonLink } from '#src/parts/button.tsx'
import { choiceColumn } from '#src/parts/choice-column.tsx'
import { Choice, Filters, SearchFilter } from '#src/parts/filters.tsx'
import { Above, type Column, LiveListing, RowLink } from '#src/parts/listing.tsx'
import { Empty } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { pageLinks } from '#src/parts/page-links.tsx'
import { type Account, useAccount } from '#src/session/account.ts'
import { ENDPOINT_STATES, EndpointPill } from '#src/states/states.tsx'
import { countUpTo, text } from '#src/text.ts'
import { endpointText, WAITING_COUNTED_MAX } from '#src/text-endpoints.ts'
import { LastAge, Time } from '#src/time/time.tsx'
import { durationWords } from '#src/time/words.ts'
import { BulkBar } from './bulk-bar.tsx'
import { EndpointMenu } from './endpoint-menu.tsx'
import styles from './endpoints.module.css'
import { endpointName, hostOf, maskedUrl, pathOf } from './url.ts'

const words = endpointText.endpoints
const LIMIT = 50
const KNOWN = { state: someOf(ENDPOINT_STATES), type: (text: string) => !text.includes(',') }

/** Where the account wants its events, and how each of them does. Source: portal S2. */
export function EndpointsScreen() {
  const account = useAccount()
  const { values, faults, change, clear, isFiltered } = useAddress(KNOWN)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const view = useRead<ApiPage<EndpointHealthRow>>(account.id, ofAccount(account.id, 'endpoint-health'), {
    query: { limit: LIMIT, iterator: values.cursor, q: values.q, state: values.state, type: values.type?.[0] },
    topics: ['endpoint', 'delivery'],
    everyMs: 30_000,
  })
  const page = view.kind === 'ready' ? view.data : null
  const add = (
    <ButtonLink kind="primary" icon={Plus} to="/a/$account/endpoints/new" params={{ account: account.id }}>
      {words.add}
    </ButtonLink>
  )
  return (
    <Page
      title={words.title}
      ignored={faults}
      acts={
        account.can('ManageEndpoint') ? add : <Button whyOff={account.whyNot('ManageEndpoint')}>{words.add}</Button>
      }
    >
      <Filters
        isFiltered={isFiltered}
        onClear={clear}
        result={page ? text.list.showing({ count: page.data.length, capped: !page.done }) : undefined}
        search={<SearchFilter label={words.search} value={values.q} onChange={(q) => change({ q })} />}
      >
        <div>
          <TypeFilter
            account={account.id}
            label={words.events}
            any={words.anyType}
            chosen={values.type}
            onChange={(type) => change({ type })}
          />
        </div>
        <div>
          <Choice
            label={words.state}
            any={words.anyState}
            chosen={values.state}
            options={ENDPOINT_STATES.map((state) => ({ value: state, label: text.endpointStates[state] }))}
            onChange={(state) => change({ state })}
          />
        </div>
      </Filters>
      {chosen.size > 0 && page && (
        <BulkBar
          account={account}
          targets={page.data
            .filter(({ endpointId }) => chosen.has(endpointId))
            .map((row) => ({ id: row.endpointId, name: endpointName(row), waiting: row.waiting }))}
          onClear={() => setChosen(new Set())}
        />
      )}
      <LiveListing
        isWide
        name={words.title}
        view={mapView(view, ({ data }) => data)}
        keyOf={({ endpointId }) => endpointId}
        columns={columnsOf(account, chosen, setChosen)}
        empty={
          isFiltered ? (
            <Empty title={words.noMatch} acts={<Button onPress={clear}>{text.common.clear}</Button>} />
          ) : (
            <Empty title={words.first} acts={account.can('ManageEndpoint') && add}>
              {words.firstBody}
            </Empty>
          )
        }
        foot={pageLinks(page, { values, change })}
      />
    </Page>
  )
}

function columnsOf(
  account: Account,
  chosen: ReadonlySet<string>,
  choose: (chosen: ReadonlySet<string>) => void,
): Column<EndpointHealthRow>[] {
  return [
    choiceColumn({
      chosen,
      choose,
      keyOf: ({ endpointId }) => endpointId,
      nameOf: (row) => words.choose(endpointName(row)),
    }),
    { key: 'state', head: words.state, isPlain: true, cell: ({ state }) => <EndpointPill state={state} /> },
    {
      key: 'endpoint',
      head: words.endpoint,
      isPlain: true,
      cell: ({ endpointId, url, description }) => (
        <span className={styles.name} data-tip={maskedUrl(url)}>
          <RowLink to="/a/$account/endpoints/$endpoint" params={{ account: account.id, endpoint: endpointId }}>
            {endpointName({ url, description })}
          </RowLink>
          <span className={styles.url}>{description.trim() ? `${hostOf(url)}${pathOf(url)}` : pathOf(url)}</span>
        </span>
      ),
    },
    {
      key: 'types',
      head: words.events,
      cell: ({ eventTypes }) => (
        <span className={styles.types} data-tip={eventTypes?.join('\n')}>
          {eventTypes === null ? words.allTypes : <Breakable>{eventTypes.map(shortType).join(', ')}</Breakable>}
        </span>
      ),
    },
    {
      key: 'success',
      head: words.lastSuccess,
      cell: ({ lastSuccessAt }) => <LastAge at={lastSuccessAt} isInRow />,
    },
    {
      key: 'day',
      head: words.day,
      cell: ({ hours, ok, failed }) => (
        <span className={styles.spark} data-tip={words.inDay(sparkWords({ ok, failed }))}>
          <Spark hours={hours} />
          <span className={layout.hidden}>{words.inDay(sparkWords({ ok, failed }))}</span>
        </span>
      ),
    },
    {
      key: 'p95',
      head: words.p95,
      isNumber: true,
      cell: ({ p95Ms }) => (p95Ms === null ? text.common.none : durationWords(p95Ms)),
    },
    {
      key: 'waiting',
      head: words.waiting,
      isNumber: true,
      cell: ({ waiting }) => countUpTo(waiting, WAITING_COUNTED_MAX),
    },
    { key: 'created', head: words.created, cell: ({ createdAt }) => <Time at={createdAt} form="day" isInRow /> },
    {
      key: 'acts',
      head: '',
      isPlain: true,
      cell: (row) => (
        <Above>
          <EndpointMenu target={targetOf(row)} account={account} />
        </Above>
      ),
    },
  ]
}

function targetOf({ endpointId: id, state, waiting, ...row }: EndpointHealthRow) {
  return { id, name: endpointName(row), isDisabled: state === 'disabled', waiting }
}

/** `npn.activated` of `producersync.npn.activated`. */
function shortType(type: string): string {
  return type.replace(/^producersync\./, '')
}
