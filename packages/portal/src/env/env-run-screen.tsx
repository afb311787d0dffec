import type { OperatorRun } from '@producersync/server/contract'
import { Link, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { fetchJson } from '#src/api/client.ts'
import { useRead } from '#src/api/queries.ts'
import { useRefresh } from '#src/api/refresh.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { Detail } from '#src/parts/detail.tsx'
import { DangerDialog } from '#src/parts/dialog.tsx'
import { Fact } from '#src/parts/fact.tsx'
import { type Column, Listing } from '#src/parts/listing.tsx'
import { Empty, Notice } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { say } from '#src/parts/toast.tsx'
import { useSession } from '#src/session/account.ts'
import { STAFF } from '#src/session/session.ts'
import { RunPill } from '#src/states/states.tsx'
import { count, text } from '#src/text.ts'
import { envText } from '#src/text-env.ts'
import { producerText } from '#src/text-producers.ts'
import { Time } from '#src/time/time.tsx'
import { dayWords, durationWords } from '#src/time/words.ts'
import { Announcements } from './announcements.tsx'
import { RUNS_PATH } from './run-calls.ts'
import { StartRunDialog } from './start-run-dialog.tsx'

const words = envText.runs
/** What can still be ended. */
const UNDER_WAY: ReadonlySet<OperatorRun['state']> = new Set(['scheduled', 'collecting', 'held'])

/** One run as operators see it: what it read, what it put off, and what can be done about it. Source: portal O4. */
export function EnvRunScreen() {
  const { run = '' } = useParams({ strict: false })
  const view = useRead<OperatorRun>(STAFF, `${RUNS_PATH}/${encodeURIComponent(run)}`, { everyMs: 5_000 })
  const crumbs = <Link to="/env/runs">{words.title}</Link>
  return (
    <Detail view={view} title={words.facts} crumbs={crumbs}>
      {(found) => (
        <Page
          title={words.titleOf(dayWords(found.runDate))}
          crumbs={crumbs}
          beside={<RunPill state={found.state} isLate={found.late} />}
          acts={<Acts run={found} />}
        >
          {found.message !== null && found.state !== 'published' && (
            <Notice tone={found.state === 'failed' ? 'bad' : 'warn'} title={found.message} />
          )}
          <div className={layout.halves}>
            <Facts run={found} />
            <Counts counts={found.counts} />
          </div>
          <section className={layout.stack} aria-label={words.errors}>
            <h2>{words.errors}</h2>
            <Listing
              name={words.errors}
              view={{ kind: 'ready', data: found.errors, staleSince: null }}
              keyOf={({ npn }) => npn}
              columns={ERRORS}
              empty={<Empty title={words.noErrors} />}
            />
          </section>
          {found.state === 'published' && <Announcements run={found.id} />}
        </Page>
      )}
    </Detail>
  )
}

function Acts({ run }: { run: OperatorRun }) {
  const session = useSession()
  const refresh = useRefresh(STAFF)
  const [asked, setAsked] = useState<'release' | 'cancel' | 'again' | null>(null)
  const whyNot = session?.staff === 'operator' ? null : envText.operatorOnly
  const day = dayWords(run.runDate)
  async function decide(what: 'release' | 'cancel') {
    await fetchJson(STAFF, `${RUNS_PATH}/${run.id}/${what}`, { method: 'POST', body: {} })
    say(words.asked)
    await refresh()
  }
  return (
    <>
      {run.state === 'held' && (
        <Button kind="primary" onPress={() => setAsked('release')} whyOff={whyNot}>
          {words.release}
        </Button>
      )}
      {UNDER_WAY.has(run.state) ? (
        <Button kind="danger" onPress={() => setAsked('cancel')} whyOff={whyNot}>
          {words.cancel}
        </Button>
      ) : (
        <Button onPress={() => setAsked('again')} whyOff={whyNot}>
          {words.again}
        </Button>
      )}
      <DangerDialog
        title={words.releaseTitle}
        effect={words.releaseEffect(day, count(run.counts.changedNpns))}
        verb={words.release}
        isOpen={asked === 'release'}
        onClose={() => setAsked(null)}
        act={async () => await decide('release')}
      />
      <DangerDialog
        title={words.cancelTitle}
        effect={words.cancelEffect(day)}
        verb={words.cancel}
        isOpen={asked === 'cancel'}
        onClose={() => setAsked(null)}
        act={async () => await decide('cancel')}
      />
      {asked === 'again' && <StartRunDialog feedId={run.feedId} runDate={run.runDate} onClose={() => setAsked(null)} />}
    </>
  )
}

function Facts({ run }: { run: OperatorRun }) {
  const { feedId, trigger, scheduledAt, startedAt, publishedAt, endedAt, durationsMs, covers, lostDays = [] } = run
  const days = (list: readonly string[]) => list.map((day) => dayWords(day)).join(', ')
  return (
    <section className={layout.card} aria-labelledby="run">
      <div className={layout.cardHead}>
        <h2 id="run">{words.facts}</h2>
      </div>
      <dl className={layout.facts}>
        <Fact name={words.feed}>
          <code>{feedId}</code>
        </Fact>
        <Fact name={words.trigger}>{words.triggers[trigger]}</Fact>
        <Fact name={words.scheduled}>
          <Time at={scheduledAt} />
        </Fact>
        {startedAt !== null && (
          <Fact name={producerText.runs.started}>
            <Time at={startedAt} />
          </Fact>
        )}
        {publishedAt !== null && (
          <Fact name={words.published}>
            <Time at={publishedAt} />
          </Fact>
        )}
        {publishedAt === null && endedAt !== null && (
          <Fact name={words.finished}>
            <Time at={endedAt} />
          </Fact>
        )}
        {(['alerts', 'details', 'publish'] as const).map((phase) => {
          const took = durationsMs[phase]
          return took === null ? null : (
            <Fact key={phase} name={producerText.runs.phases[phase]}>
              {durationWords(took)}
            </Fact>
          )
        })}
        <Fact name={words.covers}>{covers.length === 0 ? text.common.none : days(covers)}</Fact>
        <Fact name={words.lost}>{lostDays.length === 0 ? words.noLost : days(lostDays)}</Fact>
      </dl>
    </section>
  )
}

function Counts({ counts }: { counts: OperatorRun['counts'] }) {
  return (
    <section className={layout.card} aria-labelledby="counts">
      <div className={layout.cardHead}>
        <h2 id="counts">{words.counts}</h2>
      </div>
      <dl className={layout.facts}>
        {Object.entries(counts).map(([name, value]) => (
          <Fact key={name} name={words.countOf[name] ?? name}>
            <span className={layout.figures}>{count(value)}</span>
          </Fact>
        ))}
      </dl>
    </section>
  )
}

const ERRORS: Column<OperatorRun['errors'][number]>[] = [
  { key: 'npn', head: words.npn, isPlain: true, cell: ({ npn }) => <code>{npn}</code> },
  { key: 'cause', head: words.cause, cell: ({ cause }) => cause ?? text.common.none },
  { key: 'attempts', head: words.attempts, isNumber: true, cell: ({ attempts }) => count(attempts) },
]
