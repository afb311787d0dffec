import type { OperatorRun } from '@producersync/server/contract'
import { useState } from 'react'
import { oneOf } from '#src/address/search.ts'
import { useAddress } from '#src/address/use-address.ts'
import { mapView, useRead } from '#src/api/queries.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { Choice, Filters, SearchFilter } from '#src/parts/filters.tsx'
import { type Column, LiveListing, Pager, RowLink } from '#src/parts/listing.tsx'
import { Empty } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { useSession } from '#src/session/account.ts'
import { STAFF } from '#src/session/session.ts'
import { RunPill } from '#src/states/states.tsx'
import { count, text } from '#src/text.ts'
import { envText } from '#src/text-env.ts'
import { Time } from '#src/time/time.tsx'
import { dayWords, durationWords } from '#src/time/words.ts'
import { durationOf, nextToken, RUNS_PATH, type RunsPage } from './run-calls.ts'
import { StartRunDialog } from './start-run-dialog.tsx'

const words = envText.runs
const SIZE = 50
const NONE: never[] = []
const STATES = ['held', 'failed', 'collecting', 'publishing', 'scheduled', 'published', 'no_report'] as const
const KNOWN = { state: oneOf(STATES) }

/** The runs of all feeds. Source: portal O4. */
export function EnvRunsScreen() {
  const session = useSession()
  const { values, faults, change, clear, isFiltered } = useAddress(KNOWN)
  const [isStarting, setStarting] = useState(false)
  const view = useRead<RunsPage>(STAFF, RUNS_PATH, {
    query: { size: SIZE, continuationToken: values.cursor, feedId: values.q, state: values.state?.[0] },
    everyMs: 10_000,
  })
  const rows = mapView(view, ({ embedded }) => embedded?.runs ?? NONE)
  const older =
    view.kind === 'ready' && rows.kind === 'ready' ? nextToken(view.data, rows.data.length, SIZE) : undefined
  return (
    <Page
      title={words.title}
      ignored={faults}
      lead={words.lead}
      acts={
        <Button
          kind="primary"
          onPress={() => setStarting(true)}
          whyOff={session?.staff === 'operator' ? null : envText.operatorOnly}
        >
          {words.start}
        </Button>
      }
    >
      <Filters
        isFiltered={isFiltered}
        onClear={clear}
        result={
          rows.kind === 'ready'
            ? text.list.showing({ count: rows.data.length, capped: older !== undefined })
            : undefined
        }
        search={<SearchFilter label={words.feed} value={values.q} onChange={(q) => change({ q })} />}
      >
        <div>
          <Choice
            label={words.state}
            any={words.anyState}
            chosen={values.state}
            options={STATES.map((state) => ({ value: state, label: text.runStates[state] }))}
            onChange={(state) => change({ state })}
          />
        </div>
      </Filters>
      <LiveListing
        name={words.title}
        view={rows}
        keyOf={({ id }) => id}
        columns={COLUMNS}
        empty={
          <Empty
            title={isFiltered ? words.noMatch : words.none}
            acts={isFiltered && <Button onPress={clear}>{text.common.clear}</Button>}
          />
        }
        foot={
          (values.cursor !== undefined || older !== undefined) && (
            <Pager
              onNewer={values.cursor === undefined ? null : () => change({ cursor: undefined })}
              onOlder={older === undefined ? null : () => change({ cursor: older })}
            />
          )
        }
      />
      {isStarting && <StartRunDialog onClose={() => setStarting(false)} />}
    </Page>
  )
}

const COLUMNS: Column<OperatorRun>[] = [
  {
    key: 'day',
    head: words.day,
    isPlain: true,
    cell: ({ id, runDate }) => (
      <RowLink to="/env/runs/$run" params={{ run: id }}>
        <span className={layout.nowrap}>{dayWords(runDate)}</span>
      </RowLink>
    ),
  },
  { key: 'feed', head: words.feed, cell: ({ feedId }) => <code className={layout.cell}>{feedId}</code> },
  {
    key: 'state',
    head: words.state,
    isPlain: true,
    cell: ({ state, late, message }) => (
      <span className={layout.row}>
        <RunPill state={state} isLate={late} />
        {message !== null && state !== 'published' && <span className={layout.muted}>{message}</span>}
      </span>
    ),
  },
  { key: 'scheduled', head: words.scheduled, cell: ({ scheduledAt }) => <Time at={scheduledAt} form="short" /> },
  {
    key: 'took',
    head: words.took,
    isNumber: true,
    cell: (run) => {
      const took = durationOf(run)
      return took === null ? text.common.none : durationWords(took)
    },
  },
  { key: 'changed', head: words.changed, isNumber: true, cell: ({ counts }) => count(counts.changedNpns) },
  { key: 'accounts', head: words.accounts, isNumber: true, cell: ({ counts }) => count(counts.accounts) },
]
