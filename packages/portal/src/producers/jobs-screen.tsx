import type { Page as ApiPage, PopulationJob } from '@producersync/server/contract'
import { useAddress } from '#src/address/use-address.ts'
import { ofAccount } from '#src/api/client.ts'
import { mapView, useRead } from '#src/api/queries.ts'
import { type Column, LiveListing, RowLink } from '#src/parts/listing.tsx'
import { Empty } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { pageLinks } from '#src/parts/page-links.tsx'
import { useAccount } from '#src/session/account.ts'
import { count } from '#src/text.ts'
import { producerText } from '#src/text-producers.ts'
import { Time } from '#src/time/time.tsx'
import { JobPill } from './job-pill.tsx'
import { ProducerTabs } from './producer-tabs.tsx'

const words = producerText.jobs

/** The changes of the population, newest first. */
export function JobsScreen() {
  const account = useAccount()
  const { values, faults, change } = useAddress()
  const view = useRead<ApiPage<PopulationJob>>(account.id, ofAccount(account.id, 'population', 'job'), {
    query: { limit: 50, iterator: values.cursor },
    topics: ['job'],
    everyMs: 10_000,
  })
  const page = view.kind === 'ready' ? view.data : null
  const columns: Column<PopulationJob>[] = [
    {
      key: 'type',
      head: words.change,
      isPlain: true,
      cell: ({ id, type }) => (
        <RowLink to="/a/$account/producers/jobs/$job" params={{ account: account.id, job: id }}>
          {words.types[type]}
        </RowLink>
      ),
    },
    { key: 'state', head: words.state, isPlain: true, cell: ({ state }) => <JobPill state={state} /> },
    { key: 'total', head: words.total, isNumber: true, cell: ({ total }) => count(total) },
    { key: 'added', head: words.outcomes.added, isNumber: true, cell: ({ counts }) => count(counts.added) },
    { key: 'removed', head: words.outcomes.removed, isNumber: true, cell: ({ counts }) => count(counts.removed) },
    { key: 'invalid', head: words.outcomes.invalid, isNumber: true, cell: ({ counts }) => count(counts.invalid) },
    { key: 'created', head: words.created, cell: ({ createdAt }) => <Time at={createdAt} form="short" isInRow /> },
  ]
  return (
    <Page title={producerText.producers.title} ignored={faults}>
      <ProducerTabs account={account.id} chosen="jobs" />
      <LiveListing
        name={words.title}
        view={mapView(view, ({ data }) => data)}
        keyOf={({ id }) => id}
        columns={columns}
        empty={<Empty title={words.none}>{words.noneBody}</Empty>}
        foot={pageLinks(page, { values, change })}
      />
    </Page>
  )
}
