import type { EnvHealth } from '@producersync/server/contract'
import { CircleAlert, CircleCheck } from 'lucide-react'
import { useRead } from '#src/api/queries.ts'
import { endpointName } from '#src/endpoints/url.ts'
import layout from '#src/look/layout.module.css'
import { Fact } from '#src/parts/fact.tsx'
import { type Column, Listing, RowLink } from '#src/parts/listing.tsx'
import { Empty, Notice, Part } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { Pill } from '#src/parts/pill.tsx'
import { STAFF } from '#src/session/session.ts'
import { count, countOf, text } from '#src/text.ts'
import { endpointText } from '#src/text-endpoints.ts'
import { envText } from '#src/text-env.ts'
import { Age, Time } from '#src/time/time.tsx'
import { durationWords } from '#src/time/words.ts'

const words = envText.health
const BYTES = new Intl.NumberFormat('en-US', { style: 'unit', unit: 'megabyte', maximumFractionDigits: 0 })

/** How the service itself does; a dead worker shows within seconds. Source: portal O5. */
export function HealthScreen() {
  const view = useRead<EnvHealth>(STAFF, '/api/v1/env/health', { everyMs: 3_000 })
  const status = view.kind === 'ready' ? view.data.status : null
  return (
    <Page
      title={words.title}
      beside={
        status !== null && (
          <Pill
            tone={status === 'ok' ? 'ok' : status === 'degraded' ? 'warn' : 'bad'}
            icon={status === 'ok' ? CircleCheck : CircleAlert}
          >
            {words.statuses[status]}
          </Pill>
        )
      }
    >
      <Part of={view}>{(health) => <HealthParts health={health} />}</Part>
    </Page>
  )
}

function HealthParts({ health }: { health: EnvHealth }) {
  const { problems, workers, shards, lanes, slowestEndpoints, breakers, jobs, database, migrations, version } = health
  return (
    <div className={layout.stack}>
      {problems.map(({ part, text: problem, alert, runbook }) => (
        <Notice key={`${part} ${alert}`} tone="bad" title={problem}>
          {alert !== null && words.alert(alert)}
          {alert !== null && runbook !== null && ' · '}
          {runbook !== null && <a href={runbook}>{words.runbook}</a>}
        </Notice>
      ))}
      <Section title={words.workers}>
        <Listing
          name={words.workers}
          view={ready(workers)}
          keyOf={({ id }) => id}
          columns={WORKERS}
          empty={<Empty title={words.noWorkers} />}
        />
      </Section>
      <Section title={words.lanes}>
        <Listing name={words.lanes} view={ready(lanes)} keyOf={({ lane }) => lane} columns={LANES} empty={null} />
      </Section>
      <Section title={words.slowest}>
        <Listing
          name={words.slowest}
          view={ready(slowestEndpoints)}
          keyOf={({ endpointId }) => endpointId}
          columns={SLOWEST}
          empty={<Empty title={words.noAttempts} />}
        />
      </Section>
      <Section title={words.jobs}>
        <Listing
          name={words.jobs}
          view={ready(jobs)}
          keyOf={({ kind }) => kind}
          columns={JOBS}
          empty={<Empty title={words.noJobs} />}
        />
      </Section>
      <section className={layout.card} aria-label={words.service}>
        <dl className={layout.facts}>
          <Fact name={words.version}>{version}</Fact>
          <Fact name={words.shards}>{words.shardsOf(shards.owned, shards.total)}</Fact>
          <Fact name={words.breakers}>{words.breakersOf(breakers.failing, breakers.disabled)}</Fact>
          <Fact name={words.database}>{words.databaseOf(database.version, BYTES.format(database.bytes / 1e6))}</Fact>
          <Fact name={words.connections}>{words.connectionsOf(database.connections, database.connectionsMax)}</Fact>
          <Fact name={words.durable}>{database.durable ? text.common.yes : text.common.no}</Fact>
          <Fact name={words.migrations}>
            {words.migrationsOf(migrations.applied.length, migrations.missing.length)}
          </Fact>
        </dl>
      </section>
    </div>
  )
}

function ready<Row>(data: readonly Row[]) {
  return { kind: 'ready', data, staleSince: null } as const
}

function Section({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <section className={layout.stack} aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  )
}

const WORKERS: Column<EnvHealth['workers'][number]>[] = [
  { key: 'id', head: words.worker, isPlain: true, cell: ({ id }) => <code>{id}</code> },
  {
    key: 'state',
    head: words.state,
    isPlain: true,
    cell: ({ state }) => (
      <Pill tone={state === 'alive' ? 'ok' : 'bad'} icon={state === 'alive' ? CircleCheck : CircleAlert}>
        {words.workerStates[state]}
      </Pill>
    ),
  },
  { key: 'shards', head: words.shards, isNumber: true, cell: ({ shards }) => count(shards) },
  { key: 'since', head: words.since, cell: ({ startedAt }) => <Time at={startedAt} form="short" /> },
]

const LANES: Column<EnvHealth['lanes'][number]>[] = [
  { key: 'lane', head: words.lane, isPlain: true, cell: ({ lane }) => words.laneNames[lane] },
  { key: 'waiting', head: words.waiting, isNumber: true, cell: ({ waiting }) => countOf(waiting) },
  { key: 'due', head: words.due, isNumber: true, cell: ({ due }) => countOf(due) },
  {
    key: 'lag',
    head: words.lag,
    isNumber: true,
    cell: ({ lagMs }) => (lagMs === null ? text.common.none : durationWords(lagMs)),
  },
]

const SLOWEST: Column<EnvHealth['slowestEndpoints'][number]>[] = [
  {
    key: 'endpoint',
    head: endpointText.endpoints.endpoint,
    isPlain: true,
    cell: ({ accountId, endpointId, ...endpoint }) => (
      <RowLink to="/a/$account/endpoints/$endpoint" params={{ account: accountId, endpoint: endpointId }}>
        {endpointName(endpoint)}
      </RowLink>
    ),
  },
  { key: 'account', head: envText.accounts.account, cell: ({ accountName }) => accountName },
  { key: 'p95', head: endpointText.endpoints.p95, isNumber: true, cell: ({ p95Ms }) => durationWords(p95Ms) },
  { key: 'attempts', head: words.attempts, isNumber: true, cell: ({ attempts }) => count(attempts) },
  { key: 'failed', head: text.charts.failed, isNumber: true, cell: ({ failed }) => count(failed) },
]

const JOBS: Column<EnvHealth['jobs'][number]>[] = [
  { key: 'kind', head: words.job, isPlain: true, cell: ({ kind }) => words.jobKinds[kind] ?? kind },
  { key: 'running', head: words.running, isNumber: true, cell: ({ running }) => count(running) },
  { key: 'failed', head: text.charts.failed, isNumber: true, cell: ({ failed }) => count(failed) },
  {
    key: 'oldest',
    head: words.oldest,
    cell: ({ oldestAt }) => (oldestAt === null ? text.common.none : <Age at={oldestAt} />),
  },
]
