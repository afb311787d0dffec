import type { Endpoint, EndpointHealth } from '@producersync/server/contract'
import { Link, useNavigate } from '@tanstack/react-router'
import type { View } from '#src/api/queries.ts'
import { OutcomeChart } from '#src/charts/outcome-chart.tsx'
import { TimeChart } from '#src/charts/time-chart.tsx'
import { maskedUrl } from '#src/endpoints/url.ts'
import { PLANNED_FROM } from '#src/log/filters.ts'
import { RecentDeliveries } from '#src/log/recent-deliveries.tsx'
import layout from '#src/look/layout.module.css'
import { Breakable } from '#src/parts/breakable.tsx'
import { ButtonLink } from '#src/parts/button.tsx'
import { CopyText } from '#src/parts/copy.tsx'
import { Notice, Part } from '#src/parts/notice.tsx'
import { Prose } from '#src/parts/prose.tsx'
import { Tabs } from '#src/parts/tabs.tsx'
import type { Account } from '#src/session/account.ts'
import { count, countUpTo, text } from '#src/text.ts'
import { endpointText, WAITING_COUNTED_MAX } from '#src/text-endpoints.ts'
import { useNow } from '#src/time/now.ts'
import { LastAge, Time } from '#src/time/time.tsx'
import { durationWords } from '#src/time/words.ts'
import { scheduleWords } from './schedule.ts'
import { SPANS, type Span } from './span.ts'

const words = endpointText.endpoint.overview
/** As long before it people are told of it. */
const CERTIFICATE_MS = 14 * 86_400_000
const NEXT_BUCKET_MS = { FiveMinutes: 300_000, OneHour: 3_600_000, OneDay: 86_400_000 }

/** How the endpoint has done, why it fails, and what it is sent. */
export function OverviewTab({
  endpoint,
  health,
  span,
  account,
}: {
  endpoint: Endpoint
  health: View<EndpointHealth>
  span: Span
  account: Account
}) {
  return (
    <div className={layout.stack}>
      {health.kind === 'ready' && <Failing health={health.data} account={account} />}
      {health.kind === 'ready' && <CertificateEnds at={health.data.certificateExpiresAt} />}
      <div className={layout.columns}>
        <Part of={health}>{(data) => <Charts health={data} span={span} account={account} />}</Part>
        <div className={layout.stack}>
          <Facts endpoint={endpoint} health={health} account={account} />
          {health.kind === 'ready' && <Classes health={health.data} span={span} account={account} />}
        </div>
      </div>
      <RecentDeliveries account={account.id} endpoint={endpoint.id} limit={10} />
    </div>
  )
}

/** Cause, since, remedy, and when it will be disabled. */
function Failing({ health, account }: { health: EndpointHealth; account: Account }) {
  const { state, failure, since, disablesAt, endpointId } = health
  if (failure === null || (state !== 'failing' && state !== 'paused' && state !== 'degraded')) return null
  return (
    <Notice
      tone={state === 'failing' ? 'bad' : 'warn'}
      title={failure.title}
      acts={
        <ButtonLink
          isSmall
          to="/a/$account/log"
          params={{ account: account.id }}
          search={{ endpoint: endpointId, class: failure.class }}
        >
          {words.showFailed}
        </ButtonLink>
      }
    >
      <div>
        <Prose>{failure.advice}</Prose>
      </div>
      <div className={layout.muted}>
        {endpointText.endpoint.sinceFirst} <Time at={since} form="short" />
        {disablesAt !== null && (
          <>
            {'. '}
            {words.disables} <Time at={disablesAt} form="short" /> {words.unless}
          </>
        )}
      </div>
    </Notice>
  )
}

/** What fails soon, while it still works. */
function CertificateEnds({ at }: { at: string | null }) {
  const now = useNow()
  if (at === null || Date.parse(at) - now.getTime() > CERTIFICATE_MS || Date.parse(at) < now.getTime()) return null
  return (
    <Notice tone="warn" title={words.certificateEnds}>
      {words.certificateAdvice} <Time at={at} form="short" />
    </Notice>
  )
}

function Charts({ health, span, account }: { health: EndpointHealth; span: Span; account: Account }) {
  const navigate = useNavigate()
  const open = ({ at }: { at: string }) => {
    const to = new Date(Date.parse(at) + NEXT_BUCKET_MS[health.bucket]).toISOString()
    const search = { endpoint: health.endpointId, from: new Date(at).toISOString(), to }
    void navigate({ to: '/a/$account/log', params: { account: account.id }, search })
  }
  return (
    <div className={layout.stack}>
      <Tabs
        name={words.span}
        chosen={span}
        onChoose={(from) =>
          void navigate({ to: '.', search: ((before: object) => ({ ...before, from })) as never, resetScroll: false })
        }
        tabs={(Object.keys(SPANS) as Span[]).map((id) => ({ id, label: words.spans[id] }))}
      />
      <div className={layout.card}>
        <OutcomeChart caption={words.outcomes} buckets={health.buckets} onOpen={open} />
      </div>
      <div className={layout.card}>
        <TimeChart
          caption={words.times}
          buckets={health.buckets}
          whole={health}
          limitMs={health.limitMs}
          onOpen={open}
        />
      </div>
    </div>
  )
}

function Classes({
  health: { classes, endpointId },
  span,
  account,
}: {
  health: EndpointHealth
  span: Span
  account: Account
}) {
  if (classes.length === 0) return null
  return (
    <section className={layout.card} aria-labelledby="classes">
      <div className={layout.cardHead}>
        <h2 id="classes">{words.classes}</h2>
      </div>
      <ul className={layout.tight}>
        {classes.map(({ class: name, title, count: failures }) => (
          <li key={name} className={layout.spread}>
            <Link
              to="/a/$account/log"
              params={{ account: account.id }}
              search={{ endpoint: endpointId, class: name, from: span }}
            >
              {title}
            </Link>
            <span className={layout.figures}>{count(failures)}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Facts({ endpoint, health, account }: { endpoint: Endpoint; health: View<EndpointHealth>; account: Account }) {
  const { eventTypes, timeoutMs, throttleRate, ordering, channels } = endpoint
  const standing = health.kind === 'ready' ? health.data : null
  return (
    <section className={layout.card} aria-labelledby="facts">
      <div className={layout.cardHead}>
        <h2 id="facts">{words.facts}</h2>
      </div>
      <dl className={layout.facts}>
        <dt>{words.url}</dt>
        <dd className={layout.mono}>
          <Breakable>{maskedUrl(endpoint.url)}</Breakable>
        </dd>
        <dt>{words.id}</dt>
        <dd>
          <CopyText value={endpoint.id} name={words.idName} />
        </dd>
        <dt>{words.events}</dt>
        <dd>
          {eventTypes === null
            ? endpointText.endpoints.allTypes
            : eventTypes.map((type) => (
                <div key={type}>
                  <Link to="/a/$account/catalog/$type" params={{ account: account.id, type }} className={layout.mono}>
                    <Breakable>{type}</Breakable>
                  </Link>
                </div>
              ))}
        </dd>
        <dt>{words.signatures}</dt>
        <dd>
          <Link
            to="/a/$account/endpoints/$endpoint"
            params={{ account: account.id, endpoint: endpoint.id }}
            search={{ tab: 'testing' }}
          >
            {endpoint.signatureCheck === null
              ? words.notChecked
              : endpointText.signature.verdicts[endpoint.signatureCheck.verdict]}
          </Link>
        </dd>
        {standing && (
          <>
            <dt>{words.lastSuccess}</dt>
            <dd>
              <LastAge at={standing.lastSuccessAt} />
            </dd>
            {standing.certificateExpiresAt !== null && (
              <>
                <dt>{words.certificate}</dt>
                <dd>
                  <Time at={standing.certificateExpiresAt} form="day" />
                </dd>
              </>
            )}
            <dt>{words.waiting}</dt>
            <dd>
              <Link
                to="/a/$account/log"
                params={{ account: account.id }}
                search={{ endpoint: endpoint.id, state: 'waiting,retrying', from: PLANNED_FROM }}
              >
                {countUpTo(standing.waiting, WAITING_COUNTED_MAX)}
              </Link>
            </dd>
          </>
        )}
        <dt>{words.schedule}</dt>
        <dd>{standing === null ? text.common.loading : scheduleWords(standing.retrySchedule)}</dd>
        <dt>{words.timeLimit}</dt>
        <dd>{durationWords(timeoutMs)}</dd>
        {throttleRate !== null && (
          <>
            <dt>{words.rate}</dt>
            <dd>{words.perSecond(throttleRate)}</dd>
          </>
        )}
        <dt>{words.order}</dt>
        <dd>{endpointText.endpointForm.orders[ordering]}</dd>
        {channels !== null && (
          <>
            <dt>{words.channels}</dt>
            <dd>{channels.join(', ')}</dd>
          </>
        )}
        <dt>{words.created}</dt>
        <dd>
          <Time at={endpoint.createdAt} form="short" />
        </dd>
      </dl>
    </section>
  )
}
