import type { Page as ApiPage, PopulationJob, PopulationJobItem, Preview } from '@producersync/server/contract'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { oneOf } from '#src/address/search.ts'
import { useAddress } from '#src/address/use-address.ts'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { mapView, useRead } from '#src/api/queries.ts'
import { useRefresh } from '#src/api/refresh.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { DangerDialog } from '#src/parts/dialog.tsx'
import { Select } from '#src/parts/field.tsx'
import { Filters } from '#src/parts/filters.tsx'
import { type Column, LiveListing } from '#src/parts/listing.tsx'
import { Empty, ErrorNotice, Part } from '#src/parts/notice.tsx'
import { Ignored, Page } from '#src/parts/page.tsx'
import { pageLinks } from '#src/parts/page-links.tsx'
import { Progress } from '#src/parts/progress.tsx'
import { type Account, useAccount } from '#src/session/account.ts'
import { count, text } from '#src/text.ts'
import { producerText } from '#src/text-producers.ts'
import { Time } from '#src/time/time.tsx'
import { ExportButton } from './export-button.tsx'
import { JobPill } from './job-pill.tsx'
import styles from './producers.module.css'

const words = producerText.jobs
const RUNNING: readonly PopulationJob['state'][] = ['pending', 'running', 'canceling']
type Outcome = keyof typeof words.outcomes
const KNOWN = { state: oneOf(Object.keys(words.outcomes)) }

/** How a change of the population goes, and what came of each NPN. Source: portal P3. */
export function JobScreen() {
  const account = useAccount()
  const { job: id = '' } = useParams({ strict: false })
  const view = useRead<PopulationJob>(account.id, ofAccount(account.id, 'population', 'job', id), {
    topics: ['job'],
    everyMs: 3_000,
  })
  return (
    <Page
      title={view.kind === 'ready' ? words.titles[view.data.type] : words.title}
      beside={view.kind === 'ready' && <JobPill state={view.data.state} />}
      crumbs={
        <>
          <Link to="/a/$account/producers" params={{ account: account.id }}>
            {producerText.producers.title}
          </Link>
          <span aria-hidden>{'›'}</span>
          <Link to="/a/$account/producers/jobs" params={{ account: account.id }}>
            {producerText.producers.tabs.jobs}
          </Link>
        </>
      }
      acts={view.kind === 'ready' && <Acts job={view.data} account={account} />}
    >
      <Part of={view}>{(job) => <JobParts job={job} />}</Part>
      {view.kind === 'ready' && <Items id={id} account={account} isRunning={RUNNING.includes(view.data.state)} />}
    </Page>
  )
}

function JobParts({ job }: { job: PopulationJob }) {
  const { counts, processed, total, createdAt, finishedAt, message } = job
  return (
    <section className={layout.card} aria-label={words.progress}>
      <Progress label={words.progress} value={processed} max={total} words={words.processed(processed, total)} />
      <dl className={styles.counts}>
        {(Object.keys(words.outcomes) as Outcome[]).map((name) => {
          const key = OUTCOME_KEYS[name]
          return (
            <div key={name}>
              <dt>{words.outcomes[name]}</dt>
              <dd>{count(counts[key])}</dd>
            </div>
          )
        })}
      </dl>
      {message !== null && <p>{message}</p>}
      <p className={layout.muted}>
        {words.started} <Time at={createdAt} />
        {finishedAt !== null && (
          <>
            {` · ${words.finished} `}
            <Time at={finishedAt} />
          </>
        )}
      </p>
    </section>
  )
}

const OUTCOME_KEYS: Record<Outcome, keyof PopulationJob['counts']> = {
  added: 'added',
  already_active: 'alreadyActive',
  removed: 'removed',
  not_active: 'notActive',
  invalid: 'invalid',
}

function Acts({ job, account }: { job: PopulationJob; account: Account }) {
  const [isAsking, setAsking] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const [isLooking, setLooking] = useState(false)
  const navigate = useNavigate()
  const refresh = useRefresh(account.id)
  const path = ofAccount(account.id, 'population', 'job', job.id)
  const whyOff = account.whyNot('ManagePopulation')

  async function takeBack() {
    setLooking(true)
    setError(null)
    try {
      const preview = await fetchJson<Preview>(account.id, `${path}/opposite`, { method: 'POST', body: {} })
      await navigate({
        to: '/a/$account/producers/change',
        params: { account: account.id },
        search: { preview: preview.id },
      })
    } catch (caught) {
      setError(caught)
    } finally {
      setLooking(false)
    }
  }

  if (error != null) return <ErrorNotice error={error} />
  if (RUNNING.includes(job.state)) {
    return (
      <>
        <Button
          kind="danger"
          whyOff={whyOff ?? (job.cancelRequestedAt === null ? null : words.canceling)}
          onPress={() => setAsking(true)}
        >
          {words.cancel}
        </Button>
        <DangerDialog
          title={words.cancelTitle}
          effect={words.cancelEffect(job.processed, job.total)}
          verb={words.cancel}
          isOpen={isAsking}
          onClose={() => setAsking(false)}
          act={async () => {
            await fetchJson<void>(account.id, `${path}/cancel`, { method: 'POST', body: {} })
            await refresh()
          }}
        />
      </>
    )
  }
  const { opposite } = job
  return opposite && opposite.add + opposite.remove > 0 ? (
    <Button whyOff={whyOff} pending={isLooking && text.common.working} onPress={() => void takeBack()}>
      {words.takeBack}
    </Button>
  ) : null
}

function Items({ id, account, isRunning }: { id: string; account: Account; isRunning: boolean }) {
  const { values, faults, change, clear } = useAddress(KNOWN)
  const outcome = values.state?.[0] ?? ''
  const refresh = useRefresh(account.id)
  // what came of the last ones is there once it has ended
  useEffect(() => {
    if (!isRunning) void refresh()
  }, [isRunning, refresh])
  const view = useRead<ApiPage<PopulationJobItem>>(account.id, ofAccount(account.id, 'population', 'job', id, 'item'), {
    query: { limit: 100, iterator: values.cursor, outcome },
    everyMs: isRunning ? 5_000 : undefined,
  })
  const page = view.kind === 'ready' ? view.data : null
  const columns: Column<PopulationJobItem>[] = [
    { key: 'npn', head: producerText.producers.npn, isPlain: true, cell: ({ npn }) => <code>{npn}</code> },
    {
      key: 'outcome',
      head: words.outcome,
      cell: ({ outcome: one }) => (one === null ? words.notYet : words.outcomes[one]),
    },
    { key: 'reason', head: words.reason, cell: ({ reason }) => (reason === null ? '' : words.reasons[reason]) },
  ]
  return (
    <>
      <Ignored names={faults} />
      <Filters
        isFiltered={outcome !== ''}
        onClear={clear}
        result={page ? text.list.showing({ count: page.data.length, capped: !page.done }) : undefined}
      >
        <div>
          <Select
            label={words.outcome}
            isLabelHidden
            value={outcome}
            onChange={(state) => change({ state: state === '' ? undefined : [state] })}
            options={[
              { value: '', label: words.anyOutcome },
              ...Object.entries(words.outcomes).map(([value, label]) => ({ value, label })),
            ]}
          />
        </div>
        <ExportButton
          account={account.id}
          path={ofAccount(account.id, 'population', 'job', id, 'csv')}
          query={{ outcome }}
          file="population-change.csv"
        />
      </Filters>
      <LiveListing
        name={words.items}
        view={mapView(view, ({ data }) => data)}
        keyOf={({ npn }) => npn}
        columns={columns}
        empty={
          <Empty title={words.noItems} acts={outcome !== '' && <Button onPress={clear}>{text.common.clear}</Button>} />
        }
        foot={pageLinks(page, { values, change })}
      />
    </>
  )
}
