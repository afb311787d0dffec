import type { Issue, Page as PageOf } from '@producersync/server/contract'
import { oneOf } from '#src/address/search.ts'
import { useAddress } from '#src/address/use-address.ts'
import { ofAccount } from '#src/api/client.ts'
import { mapView, useRead } from '#src/api/queries.ts'
import { maskedUrl } from '#src/endpoints/url.ts'
import { LiveSwitch } from '#src/live/live-switch.tsx'
import { Button, ButtonLink } from '#src/parts/button.tsx'
import { Select } from '#src/parts/field.tsx'
import { Filters } from '#src/parts/filters.tsx'
import { type Column, LiveListing, RowLink } from '#src/parts/listing.tsx'
import { Empty } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { pageLinks } from '#src/parts/page-links.tsx'
import { useAccount } from '#src/session/account.ts'
import { count, text } from '#src/text.ts'
import { issueText } from '#src/text-issues.ts'
import { Time } from '#src/time/time.tsx'
import { IssuePill, issueEndpoint } from './issue-words.tsx'

const words = issueText.issues
const PAGE_ROWS = 50
const STATES = ['unresolved', 'open', 'acknowledged', 'resolved', 'any'] as const
type Shown = (typeof STATES)[number]
const KNOWN = { state: oneOf(STATES), endpoint: (text: string) => !text.includes(',') }

/** What goes wrong, by endpoint and cause. */
export function IssuesScreen() {
  const account = useAccount()
  const { values, faults, change, clear, isFiltered } = useAddress(KNOWN)
  const shown: Shown = STATES.find((known) => known === values.state?.[0]) ?? 'unresolved'
  const [endpoint] = values.endpoint ?? []
  const view = useRead<PageOf<Issue>>(account.id, ofAccount(account.id, 'issue'), {
    query: { state: shown === 'any' ? undefined : shown, endpoint, limit: PAGE_ROWS, iterator: values.cursor },
    topics: ['issue'],
  })
  const page = view.kind === 'ready' ? view.data : null
  return (
    <Page
      title={words.title}
      lead={words.lead}
      ignored={faults}
      acts={
        <>
          <ButtonLink to="/a/$account/settings/notifications" params={{ account: account.id }}>
            {words.rules}
          </ButtonLink>
          <LiveSwitch account={account.id} />
        </>
      }
    >
      <Filters
        isFiltered={isFiltered}
        onClear={clear}
        result={page ? text.list.showing({ count: page.data.length, capped: !page.done }) : undefined}
      >
        <div>
          <Select
            label={words.filter}
            isLabelHidden
            value={shown}
            options={STATES.map((value) => ({ value, label: wordOf(value) }))}
            onChange={(next) => change({ state: next === 'unresolved' ? undefined : [next] })}
          />
        </div>
      </Filters>
      <LiveListing
        name={words.list}
        view={mapView(view, ({ data }) => data)}
        columns={columns(account.id)}
        keyOf={({ id }) => id}
        empty={
          endpoint === undefined && (shown === 'unresolved' || shown === 'any') ? (
            <Empty title={words.first}>{words.firstBody}</Empty>
          ) : (
            <Empty title={words.none} acts={<Button onPress={clear}>{text.common.clear}</Button>} />
          )
        }
        foot={pageLinks(page, { values, change })}
      />
    </Page>
  )
}

function wordOf(state: Shown): string {
  if (state === 'any') return words.any
  return state === 'unresolved' ? words.unresolved : words.states[state]
}

function columns(account: string): Column<Issue>[] {
  const { columns: heads } = words
  return [
    { key: 'state', head: heads.state, isPlain: true, cell: ({ state }) => <IssuePill state={state} /> },
    {
      key: 'what',
      head: heads.what,
      cell: ({ id, failure }) => (
        <RowLink to="/a/$account/issues/$issue" params={{ account, issue: id }}>
          {failure.title}
        </RowLink>
      ),
    },
    {
      key: 'endpoint',
      head: heads.endpoint,
      cell: (issue) => <span data-tip={maskedUrl(issue.endpointUrl)}>{issueEndpoint(issue)}</span>,
    },
    { key: 'first', head: heads.first, cell: ({ firstAt }) => <Time at={firstAt} isInRow /> },
    { key: 'last', head: heads.last, cell: ({ lastAt }) => <Time at={lastAt} isInRow /> },
    { key: 'count', head: heads.count, isNumber: true, cell: ({ count: failures }) => count(failures) },
    { key: 'events', head: heads.events, isNumber: true, cell: ({ events }) => count(events) },
  ]
}
