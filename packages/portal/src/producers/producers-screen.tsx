import type { Page as ApiPage, Producer } from '@producersync/server/contract'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { instantOf, oneOf } from '#src/address/search.ts'
import { useAddress } from '#src/address/use-address.ts'
import { ofAccount } from '#src/api/client.ts'
import { mapView, useRead } from '#src/api/queries.ts'
import { useMinute } from '#src/log/use-minute.ts'
import layout from '#src/look/layout.module.css'
import { Button, ButtonLink } from '#src/parts/button.tsx'
import { choiceColumn } from '#src/parts/choice-column.tsx'
import { Select } from '#src/parts/field.tsx'
import { Choice, Filters, SearchFilter } from '#src/parts/filters.tsx'
import { type Column, LiveListing, RowLink } from '#src/parts/listing.tsx'
import { Empty } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { pageLinks } from '#src/parts/page-links.tsx'
import { type Account, useAccount } from '#src/session/account.ts'
import { DATA_STATES, DataPill } from '#src/states/states.tsx'
import { count, text } from '#src/text.ts'
import { producerText } from '#src/text-producers.ts'
import { RangeFilter } from '#src/time/range-filter.tsx'
import { Time } from '#src/time/time.tsx'
import { dateWords } from '#src/time/words.ts'
import { ExportButton } from './export-button.tsx'
import { ProducerTabs } from './producer-tabs.tsx'

const words = producerText.producers
const LIMIT = 50
type Sort = keyof typeof words.sorts
const KNOWN = { state: oneOf(DATA_STATES), sort: oneOf(Object.keys(words.sorts)) }

/** The producers that the account monitors. Source: portal P1. */
export function ProducersScreen() {
  const account = useAccount()
  const navigate = useNavigate()
  const { values, faults, change, clear, isFiltered } = useAddress(KNOWN)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const now = useMinute()
  const filter = {
    q: values.q,
    state: values.state?.[0],
    from: instantOf(values.from, now)?.toISOString(),
    to: instantOf(values.to, now)?.toISOString(),
  }
  // those that joined within a time are listed in its order
  const isBounded = values.q === undefined && (values.from !== undefined || values.to !== undefined)
  const sorts = Object.keys(words.sorts).filter((sort) => !isBounded || sort.endsWith('joined')) as Sort[]
  const sort = sorts.find((known) => known === values.sort)
  const view = useRead<ApiPage<Producer>>(account.id, ofAccount(account.id, 'population'), {
    query: { ...filter, limit: LIMIT, iterator: values.cursor, sort },
    topics: ['job', 'run'],
  })
  const page = view.kind === 'ready' ? view.data : null
  const whyOff = account.whyNot('ManagePopulation')
  const params = { account: account.id }
  const add = (
    <ButtonLink kind="primary" to="/a/$account/producers/change" params={params} search={{ mode: 'add' }}>
      {words.add}
    </ButtonLink>
  )
  return (
    <Page
      title={words.title}
      ignored={faults}
      acts={
        <>
          <ExportButton
            account={account.id}
            path={ofAccount(account.id, 'population', 'export')}
            query={filter}
            file="producers.csv"
          />
          {whyOff === null ? (
            <>
              <ButtonLink to="/a/$account/producers/change" params={params} search={{ mode: 'remove' }}>
                {words.remove}
              </ButtonLink>
              <ButtonLink to="/a/$account/producers/change" params={params} search={{ mode: 'replace' }}>
                {words.replace}
              </ButtonLink>
              {add}
            </>
          ) : (
            <Button whyOff={whyOff}>{words.add}</Button>
          )}
        </>
      }
    >
      <ProducerTabs account={account.id} chosen="list" />
      <Filters
        isFiltered={isFiltered}
        onClear={clear}
        result={page ? text.list.showing({ count: page.data.length, capped: !page.done }) : undefined}
        search={<SearchFilter label={words.search} value={values.q} onChange={(q) => change({ q })} />}
      >
        <div>
          <Choice
            label={words.state}
            any={words.anyState}
            chosen={values.state}
            options={DATA_STATES.map((state) => ({ value: state, label: text.dataStates[state] }))}
            onChange={(state) => change({ state })}
          />
        </div>
        <div>
          <RangeFilter
            of={words.joining}
            range={{ from: values.from, to: values.to }}
            fallback="-30d"
            onChange={({ from, to }) => change({ from, to })}
          />
        </div>
        <div>
          <Select
            label={words.sort}
            isLabelHidden
            value={sort ?? (isBounded ? 'joined' : 'npn')}
            onChange={(chosen) => change({ sort: chosen === 'npn' ? undefined : chosen })}
            options={sorts.map((value) => ({ value, label: words.sorts[value] }))}
          />
        </div>
      </Filters>
      {chosen.size > 0 && (
        <div>
          <Button
            isSmall
            kind="danger"
            whyOff={whyOff}
            onPress={() =>
              void navigate({
                to: '/a/$account/producers/change',
                params,
                search: { mode: 'remove', npns: [...chosen].join(',') },
              })
            }
          >
            {words.removeChosen(chosen.size)}
          </Button>
        </div>
      )}
      <LiveListing
        isWide
        name={words.title}
        view={mapView(view, ({ data }) => data)}
        keyOf={({ npn }) => npn}
        columns={columnsOf(account, chosen, setChosen)}
        empty={
          isFiltered ? (
            <Empty title={words.noMatch} acts={<Button onPress={clear}>{text.common.clear}</Button>} />
          ) : (
            <Empty title={words.first} acts={whyOff === null && add}>
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
): Column<Producer>[] {
  return [
    choiceColumn({
      chosen,
      choose,
      keyOf: ({ npn }) => npn,
      nameOf: ({ npn }) => words.choose(npn),
      mayChoose: ({ state }) => state !== 'removed',
    }),
    {
      key: 'npn',
      head: words.npn,
      isPlain: true,
      cell: ({ npn }) => (
        <RowLink to="/a/$account/producers/$npn" params={{ account: account.id, npn }}>
          <code className={layout.nowrap}>{npn}</code>
        </RowLink>
      ),
    },
    { key: 'name', head: words.name, isPlain: true, cell: ({ name }) => name ?? text.common.none },
    { key: 'kind', head: words.kind, cell: ({ kind }) => (kind === null ? text.common.none : words.kinds[kind]) },
    { key: 'state', head: words.state, cell: ({ state }) => <DataPill state={state} /> },
    { key: 'joined', head: words.joined, cell: ({ joinedAt }) => <Time at={joinedAt} form="day" isInRow /> },
    {
      key: 'changed',
      head: words.changed,
      cell: ({ changedOn }) =>
        changedOn === null ? text.common.none : <span className={layout.nowrap}>{dateWords(changedOn)}</span>,
    },
    {
      key: 'licenses',
      head: words.licenses,
      isNumber: true,
      cell: ({ activeLicenses }) => (activeLicenses === null ? text.common.none : count(activeLicenses)),
    },
    {
      key: 'event',
      head: words.lastEvent,
      cell: ({ lastEvent }) =>
        lastEvent === null ? (
          text.common.none
        ) : (
          <span>
            {lastEvent.type.replace(/^producersync\./, '')} <Time at={lastEvent.timestamp} form="short" isInRow />
          </span>
        ),
    },
  ]
}
