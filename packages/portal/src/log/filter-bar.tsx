import type { Endpoint, Page } from '@producersync/server/contract'
import { useNavigate } from '@tanstack/react-router'
import { Search } from 'lucide-react'
import { type SubmitEvent, useState } from 'react'
import { ofAccount } from '#src/api/client.ts'
import { useRead } from '#src/api/queries.ts'
import { TypeFilter } from '#src/catalog/event-types.tsx'
import { endpointName } from '#src/endpoints/url.ts'
import { Button } from '#src/parts/button.tsx'
import { TextField } from '#src/parts/field.tsx'
import { Choice, Filters } from '#src/parts/filters.tsx'
import { useAccount } from '#src/session/account.ts'
import { isWholeId } from '#src/shell/destination.ts'
import { text } from '#src/text.ts'
import { deliveryText } from '#src/text-deliveries.ts'
import { RangeFilter } from '#src/time/range-filter.tsx'
import { DEFAULT_FROM, LISTED_STATES, useFilters } from './filters.ts'
import styles from './log.module.css'

const words = deliveryText.log
const NPN = /^[0-9]{1,10}$/
/** Events are kept for so long. Source: webhook-api 15 */
const RETENTION_DAYS = 90

/** What narrows the list; every choice is in the address. */
export function FilterBar({ endpoint, result }: { endpoint: string | undefined; result: string }) {
  const account = useAccount()
  const { filters, change, clear, isFiltered } = useFilters()
  const endpoints = useRead<Page<Endpoint>>(account.id, ofAccount(account.id, 'endpoint'), {
    query: { limit: 250 },
    isEnabled: endpoint === undefined,
  })
  const endpointOptions =
    endpoints.kind === 'ready' ? endpoints.data.data.map((each) => ({ value: each.id, label: endpointName(each) })) : []
  return (
    <Filters
      isFiltered={isFiltered || filters.from !== undefined}
      onClear={clear}
      search={<SearchBox />}
      result={result}
    >
      <Choice
        label={words.columns.state}
        any={words.anyState}
        chosen={filters.state}
        options={LISTED_STATES.map((state) => ({
          value: state,
          label: text.states[state],
        }))}
        onChange={(state) => change({ state })}
      />
      <TypeFilter
        account={account.id}
        label={words.columns.type}
        any={words.anyType}
        chosen={filters.type}
        onChange={(type) => change({ type })}
      />
      {endpoint === undefined && (
        <Choice
          label={words.columns.endpoint}
          any={words.anyEndpoint}
          chosen={filters.endpoint}
          options={endpointOptions}
          onChange={(chosen) => change({ endpoint: chosen })}
        />
      )}
      <Choice
        label={words.columns.result}
        any={words.anyResult}
        chosen={filters.class}
        options={Object.entries(deliveryText.classes).map(([value, label]) => ({ value, label }))}
        onChange={(classes) => change({ class: classes })}
      />
      <RangeFilter
        range={{ from: filters.from, to: filters.to }}
        retentionDays={RETENTION_DAYS}
        onChange={({ from, to }) => change({ from: from === DEFAULT_FROM ? undefined : from, to })}
      />
    </Filters>
  )
}

/** An NPN filters, a whole id leads to its object, anything else is looked for. */
function SearchBox() {
  const account = useAccount()
  const navigate = useNavigate()
  const { filters, change } = useFilters()
  const asked = filters.npn ?? filters.q ?? ''
  const [typed, setTyped] = useState(asked)
  const [shown, setShown] = useState(asked)
  if (shown !== asked) {
    setShown(asked)
    setTyped(asked)
  }
  function find(event: SubmitEvent) {
    event.preventDefault()
    const word = typed.trim()
    if (isWholeId(word)) {
      void navigate({ to: '/o/$id', params: { id: word }, search: { account: account.id } })
      return
    }
    const isNpn = NPN.test(word)
    change({ npn: isNpn ? word : undefined, q: isNpn || word === '' ? undefined : word })
  }
  return (
    <search className={styles.box}>
      <form onSubmit={find}>
        <TextField label={words.box} isLabelHidden placeholder={words.box} value={typed} onChange={setTyped} isMono />
        <Button type="submit" icon={Search}>
          {words.find}
        </Button>
      </form>
    </search>
  )
}
