import type { Page as ApiPage, RunDay } from '@producersync/server/contract'
import { Link } from '@tanstack/react-router'
import { useAddress } from '#src/address/use-address.ts'
import { ofAccount } from '#src/api/client.ts'
import { mapView, useRead } from '#src/api/queries.ts'
import { shortId } from '#src/log/delivery-columns.tsx'
import layout from '#src/look/layout.module.css'
import { cx } from '#src/parts/class-names.ts'
import { Above, type Column, LiveListing, RowLink } from '#src/parts/listing.tsx'
import { Empty } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { pageLinks } from '#src/parts/page-links.tsx'
import { useAccount } from '#src/session/account.ts'
import { RunPill } from '#src/states/states.tsx'
import { count } from '#src/text.ts'
import { producerText } from '#src/text-producers.ts'
import { Time } from '#src/time/time.tsx'
import { dayWords, durationWords, momentWords } from '#src/time/words.ts'
import { SandboxCard } from './sandbox-card.tsx'

const words = producerText.runs
const CENTRAL = 'America/Chicago'

/** The days of the calendar, and what each brought. Source: portal P4. */
export function RunsScreen() {
  const account = useAccount()
  const { values, faults, change } = useAddress()
  const view = useRead<ApiPage<RunDay>>(account.id, ofAccount(account.id, 'run'), {
    query: { limit: 30, iterator: values.cursor },
    topics: ['run', 'delivery'],
    everyMs: 30_000,
  })
  const page = view.kind === 'ready' ? view.data : null
  return (
    <Page title={words.title} lead={words.lead} ignored={faults}>
      {account.environment === 'sandbox' && account.role !== null && <SandboxCard account={account} />}
      <LiveListing
        isWide
        name={words.title}
        view={mapView(view, ({ data }) => data)}
        keyOf={({ runDate }) => runDate}
        columns={columnsOf(account.id)}
        empty={<Empty title={words.none}>{words.noneBody}</Empty>}
        foot={pageLinks(page, { values, change })}
      />
    </Page>
  )
}

function columnsOf(account: string): Column<RunDay>[] {
  return [
    {
      key: 'day',
      head: words.day,
      isPlain: true,
      cell: ({ runDate }) => (
        <RowLink to="/a/$account/runs/$runDate" params={{ account, runDate }}>
          <span className={layout.nowrap}>{dayWords(runDate)}</span>
        </RowLink>
      ),
    },
    {
      key: 'state',
      head: words.state,
      isPlain: true,
      cell: (day) => (
        <span className={layout.row}>
          <RunPill state={day.state} isLate={day.late} />
          {day.reason !== null && (
            <span className={layout.muted}>
              {day.reason === 'covered' && day.coveredBy !== null
                ? words.coveredBy(dayWords(day.coveredBy))
                : words.reasons[day.reason]}
            </span>
          )}
        </span>
      ),
    },
    { key: 'alerts', head: words.alerts, cell: ({ alertsTakenAt }) => <Hour at={alertsTakenAt} /> },
    { key: 'published', head: words.published, cell: ({ publishedAt }) => <Hour at={publishedAt} /> },
    {
      key: 'took',
      head: words.took,
      isNumber: true,
      cell: ({ durationMs }) => (durationMs === null ? '' : durationWords(durationMs)),
    },
    {
      key: 'producers',
      head: words.producers,
      isNumber: true,
      cell: ({ account: own }) => (own === null ? '' : count(own.producersChanged)),
    },
    {
      key: 'records',
      head: words.records,
      isNumber: true,
      cell: ({ account: own }) => (own === null ? '' : count(own.recordsChanged)),
    },
    {
      key: 'event',
      head: words.event,
      cell: ({ event }) =>
        event !== null && (
          <Above>
            <Link to="/a/$account/events/$event" params={{ account, event: event.id }}>
              <code className={layout.nowrap}>{shortId(event.id)}</code>
            </Link>
          </Above>
        ),
    },
    {
      key: 'delivered',
      head: words.delivered,
      isNumber: true,
      cell: ({ deliveries }) => (deliveries === null ? '' : words.deliveredOf(deliveries.delivered, deliveries.total)),
    },
  ]
}

/** In the zone of the reader, and where the feed is at home. */
function Hour({ at }: { at: string | null }) {
  if (at === null) return null
  return (
    <>
      <Time at={at} form="hour" isInRow />
      <div className={cx(layout.muted, layout.nowrap)}>{momentWords(new Date(at), CENTRAL, 'hour')}</div>
    </>
  )
}
