import type { RunDayDetail } from '@producersync/server/contract'
import { Link, useParams } from '@tanstack/react-router'
import { ofAccount } from '#src/api/client.ts'
import { useRead } from '#src/api/queries.ts'
import layout from '#src/look/layout.module.css'
import { CopyText } from '#src/parts/copy.tsx'
import { Fact } from '#src/parts/fact.tsx'
import { Notice, Part } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { useAccount } from '#src/session/account.ts'
import { RunPill } from '#src/states/states.tsx'
import { count } from '#src/text.ts'
import { producerText } from '#src/text-producers.ts'
import { Time } from '#src/time/time.tsx'
import { dayWords, durationWords, momentWords } from '#src/time/words.ts'

const words = producerText.runs
const CENTRAL = 'America/Chicago'

/** One day: whether it had a run, what the run brought, and whom it was told to. */
export function RunScreen() {
  const account = useAccount()
  const { runDate = '' } = useParams({ strict: false })
  const view = useRead<RunDayDetail>(account.id, ofAccount(account.id, 'run', runDate), {
    topics: ['run', 'delivery'],
    everyMs: 15_000,
  })
  return (
    <Page
      title={/^\d{4}-\d{2}-\d{2}$/.test(runDate) ? words.titleOf(dayWords(runDate)) : words.title}
      beside={view.kind === 'ready' && <RunPill state={view.data.state} isLate={view.data.late} />}
      crumbs={
        <Link to="/a/$account/runs" params={{ account: account.id }}>
          {words.title}
        </Link>
      }
    >
      <Part of={view}>{(run) => <RunParts run={run} account={account.id} />}</Part>
    </Page>
  )
}

function RunParts({ run, account }: { run: RunDayDetail; account: string }) {
  const { reason, coveredBy, message, recordsByKind, pull, errors = [] } = run
  return (
    <div className={layout.stack}>
      {reason !== null && (
        <Notice
          title={
            reason === 'covered' && coveredBy !== null ? words.coveredBy(dayWords(coveredBy)) : words.reasons[reason]
          }
        />
      )}
      {message !== null && run.state !== 'published' && (
        <Notice tone={run.state === 'failed' ? 'bad' : 'warn'} title={message} />
      )}
      <div className={layout.halves}>
        {run.startedAt !== null && <RunFacts run={run} />}
        <Told run={run} account={account} />
      </div>
      <div className={layout.halves}>
        {recordsByKind !== null && (
          <section className={layout.card} aria-labelledby="kinds">
            <div className={layout.cardHead}>
              <h2 id="kinds">{words.kinds}</h2>
            </div>
            {Object.keys(recordsByKind).length === 0 ? (
              <p className={layout.muted}>{words.noRecords}</p>
            ) : (
              <dl className={layout.facts}>
                {Object.entries(recordsByKind as Record<string, number>).map(([kind, records]) => (
                  <Fact key={kind} name={words.recordKinds[kind] ?? kind}>
                    {count(records)}
                  </Fact>
                ))}
              </dl>
            )}
          </section>
        )}
        {pull !== null && (
          <section className={layout.card} aria-labelledby="pull">
            <div className={layout.cardHead}>
              <h2 id="pull">{words.pull}</h2>
            </div>
            <ul className={layout.stack}>
              {pull.urls.map((url) => (
                <li key={url}>
                  <CopyText value={`curl -H "Authorization: Bearer $PSAPI_TOKEN" "${url}"`} name={words.pullCall} />
                </li>
              ))}
            </ul>
          </section>
        )}
      </div>
      {errors.length > 0 && (
        <section className={layout.card} aria-labelledby="errors">
          <div className={layout.cardHead}>
            <h2 id="errors">{words.putOff}</h2>
          </div>
          <ul className={layout.tight}>
            {errors.map(({ npn, cause, attempts }) => (
              <li key={npn}>{words.putOffOf(npn, cause, attempts)}</li>
            ))}
          </ul>
        </section>
      )}
    </div>
  )
}

function RunFacts({
  run: { startedAt, alertsTakenAt, publishedAt, durationMs, phasesMs, covers },
}: {
  run: RunDayDetail
}) {
  return (
    <section className={layout.card} aria-labelledby="run">
      <div className={layout.cardHead}>
        <h2 id="run">{words.run}</h2>
      </div>
      <dl className={layout.facts}>
        <Moment name={words.started} at={startedAt} />
        <Moment name={words.alerts} at={alertsTakenAt} />
        <Moment name={words.published} at={publishedAt} />
        {durationMs !== null && <Fact name={words.took}>{durationWords(durationMs)}</Fact>}
        {phasesMs !== null &&
          (['alerts', 'details', 'publish'] as const).map((phase) => {
            const took = phasesMs[phase]
            return took === null ? null : (
              <Fact key={phase} name={words.phases[phase]}>
                {durationWords(took)}
              </Fact>
            )
          })}
        {covers.length > 1 && <Fact name={words.covers}>{covers.map((day) => dayWords(day)).join(', ')}</Fact>}
      </dl>
    </section>
  )
}

/** In the zone of the reader, and where the feed is at home. */
function Moment({ name, at }: { name: string; at: string | null }) {
  if (at === null) return null
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <Time at={at} />
        <div className={layout.muted}>{momentWords(new Date(at), CENTRAL)}</div>
      </dd>
    </>
  )
}

function Told({ run: { account: own, event, deliveries }, account }: { run: RunDayDetail; account: string }) {
  return (
    <section className={layout.card} aria-labelledby="told">
      <div className={layout.cardHead}>
        <h2 id="told">{words.forYou}</h2>
      </div>
      {own === null && event === null ? (
        <p className={layout.muted}>{words.nothingForYou}</p>
      ) : (
        <dl className={layout.facts}>
          {own !== null && (
            <>
              <Fact name={words.producers}>{count(own.producersChanged)}</Fact>
              <Fact name={words.records}>{count(own.recordsChanged)}</Fact>
            </>
          )}
          {event !== null && (
            <>
              <dt>{words.event}</dt>
              <dd>
                <Link to="/a/$account/events/$event" params={{ account, event: event.id }} className={layout.mono}>
                  {event.id}
                </Link>
              </dd>
            </>
          )}
          {deliveries !== null && (
            <Fact name={words.delivered}>{words.deliveredOf(deliveries.delivered, deliveries.total)}</Fact>
          )}
        </dl>
      )}
    </section>
  )
}
