import type { ProducerDetail } from '@producersync/server/contract'
import { Link, useParams } from '@tanstack/react-router'
import { ofAccount } from '#src/api/client.ts'
import { useRead } from '#src/api/queries.ts'
import layout from '#src/look/layout.module.css'
import { ButtonLink } from '#src/parts/button.tsx'
import { CopyButton, CopyText } from '#src/parts/copy.tsx'
import { type Column, Listing, RowLink } from '#src/parts/listing.tsx'
import { Empty, Part } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { useAccount } from '#src/session/account.ts'
import { DataPill } from '#src/states/states.tsx'
import { count, text } from '#src/text.ts'
import { producerText } from '#src/text-producers.ts'
import { Time } from '#src/time/time.tsx'
import { dateWords, dayWords } from '#src/time/words.ts'

const words = producerText.producer

/** One producer of the population: how its data stands, how it came and went, and what was told of it. Source: portal P3. */
export function ProducerScreen() {
  const account = useAccount()
  const { npn = '' } = useParams({ strict: false })
  const view = useRead<ProducerDetail>(account.id, ofAccount(account.id, 'population', npn), { topics: ['run', 'job'] })
  const data = view.kind === 'ready' ? view.data : null
  return (
    <Page
      title={data?.name ?? words.title(npn)}
      beside={data && <DataPill state={data.state} />}
      crumbs={
        <Link to="/a/$account/producers" params={{ account: account.id }}>
          {producerText.producers.title}
        </Link>
      }
      acts={
        <ButtonLink to="/a/$account/log" params={{ account: account.id }} search={{ npn }}>
          {words.deliveries}
        </ButtonLink>
      }
    >
      <Part of={view}>{(producer) => <ProducerParts producer={producer} account={account.id} />}</Part>
    </Page>
  )
}

function ProducerParts({ producer, account }: { producer: ProducerDetail; account: string }) {
  const { npn, kind, asOf, joinedAt, removedAt, changedOn, licenses, history, api } = producer
  return (
    <div className={layout.stack}>
      <div className={layout.halves}>
        <section className={layout.card} aria-labelledby="facts">
          <div className={layout.cardHead}>
            <h2 id="facts">{words.facts}</h2>
          </div>
          <dl className={layout.facts}>
            <dt>{producerText.producers.npn}</dt>
            <dd>
              <CopyText value={npn} name={producerText.producers.npn} />
            </dd>
            <dt>{producerText.producers.kind}</dt>
            <dd>{kind === null ? text.common.none : producerText.producers.kinds[kind]}</dd>
            <dt>{words.asOf}</dt>
            <dd>{asOf === null ? words.noData : dayWords(asOf)}</dd>
            <dt>{producerText.producers.changed}</dt>
            <dd>{changedOn === null ? text.common.none : dateWords(changedOn)}</dd>
            <dt>{producerText.producers.joined}</dt>
            <dd>
              <Time at={joinedAt} form="short" />
            </dd>
            {removedAt !== null && (
              <>
                <dt>{words.removed}</dt>
                <dd>
                  <Time at={removedAt} form="short" />
                </dd>
              </>
            )}
          </dl>
        </section>
        <section className={layout.card} aria-labelledby="licenses">
          <div className={layout.cardHead}>
            <h2 id="licenses">{words.licenses}</h2>
          </div>
          {licenses === null ? (
            <p className={layout.muted}>{words.noLicenses}</p>
          ) : (
            <dl className={layout.facts}>
              <dt>{words.active}</dt>
              <dd>{words.activeOf(licenses.active, licenses.active + licenses.inactive)}</dd>
              <dt>{words.resident}</dt>
              <dd>{licenses.residentState ?? text.common.none}</dd>
              <dt>{words.nextExpiration}</dt>
              <dd>{licenses.nextExpiration === null ? text.common.none : dateWords(licenses.nextExpiration)}</dd>
              <dt>{words.states}</dt>
              <dd>
                {licenses.states.map(({ state, active, inactive }) => (
                  <div key={state}>{words.inState(state ?? text.common.none, active, inactive)}</div>
                ))}
              </dd>
            </dl>
          )}
        </section>
      </div>
      <Events producer={producer} account={account} />
      <div className={layout.halves}>
        <section className={layout.card} aria-labelledby="history">
          <div className={layout.cardHead}>
            <h2 id="history">{words.history}</h2>
          </div>
          <ul className={layout.tight}>
            {history.map(({ change, at, source }) => (
              <li key={`${change} ${at}`} className={layout.spread}>
                <span>
                  {words.changes[change]}
                  {source !== null && <span className={layout.muted}>{` · ${words.sources[source] ?? source}`}</span>}
                </span>
                <Time at={at} form="short" />
              </li>
            ))}
          </ul>
        </section>
        <section className={layout.card} aria-labelledby="api">
          <div className={layout.cardHead}>
            <h2 id="api">{words.api}</h2>
            <CopyButton value={`curl -H "Authorization: Bearer $PSAPI_TOKEN" ${api.url}`} name={words.apiCall} />
          </div>
          <p className={layout.mono}>{`${api.method} ${api.url}`}</p>
          <p className={layout.muted}>{words.apiNote}</p>
        </section>
      </div>
    </div>
  )
}

type ProducerEvent = ProducerDetail['events'][number]

function Events({ producer: { events }, account }: { producer: ProducerDetail; account: string }) {
  const columns: Column<ProducerEvent>[] = [
    {
      key: 'type',
      head: words.event,
      isPlain: true,
      cell: ({ id, type }) => (
        <RowLink to="/a/$account/events/$event" params={{ account, event: id }}>
          {type}
        </RowLink>
      ),
    },
    { key: 'id', head: words.id, cell: ({ id }) => <code>{id}</code> },
    { key: 'at', head: words.at, cell: ({ timestamp }) => <Time at={timestamp} isInRow /> },
  ]
  return (
    <section className={layout.stack} aria-labelledby="events">
      <h2 id="events">{words.events(count(events.length))}</h2>
      <Listing
        name={words.eventsOf}
        view={{ kind: 'ready', data: events, staleSince: null }}
        keyOf={({ id }) => id}
        columns={columns}
        empty={<Empty title={words.noEvents} />}
      />
    </section>
  )
}
