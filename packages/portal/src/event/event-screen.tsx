import type { Timeline } from '@producersync/server/contract'
import { Link, useParams } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { oneOf } from '#src/address/search.ts'
import { useAddress } from '#src/address/use-address.ts'
import { ofAccount } from '#src/api/client.ts'
import { useRead, type View } from '#src/api/queries.ts'
import { AttemptDrawer, SHOWN } from '#src/attempt/attempt-drawer.tsx'
import { CompareDialog } from '#src/attempt/compare-dialog.tsx'
import { LiveSwitch } from '#src/live/live-switch.tsx'
import layout from '#src/look/layout.module.css'
import { Button, ButtonLink } from '#src/parts/button.tsx'
import { cx } from '#src/parts/class-names.ts'
import { CopyText } from '#src/parts/copy.tsx'
import { Detail } from '#src/parts/detail.tsx'
import { Fact } from '#src/parts/fact.tsx'
import { Empty } from '#src/parts/notice.tsx'
import { Ignored, Page } from '#src/parts/page.tsx'
import { useAccount } from '#src/session/account.ts'
import { deliveryText } from '#src/text-deliveries.ts'
import { Time } from '#src/time/time.tsx'
import { EndpointCard } from './endpoint-card.tsx'
import styles from './event.module.css'
import { Payload } from './payload.tsx'
import { TimeAxis } from './time-axis.tsx'

const words = deliveryText.event
const SENT_AGAIN: ReadonlySet<string> = new Set(['replay', 'recover', 'resend'])
const isAttempt = (text: string) => /^atmpt_[0-9A-Za-z]{27}$/.test(text)
const KNOWN = { attempt: isAttempt, with: isAttempt, shown: oneOf(SHOWN) }

/** One event: its bytes, and what became of it at every endpoint. An attempt of it is a drawer with an address of its own. */
export function EventScreen() {
  const account = useAccount()
  const { event = '' } = useParams({ strict: false })
  const msgId = event.replace(/^evt_/, 'msg_')
  const { raw, faults } = useAddress(KNOWN)
  const attempt = faults.includes('attempt') ? undefined : raw.attempt
  const other = faults.includes('with') ? undefined : raw.with
  const view = useRead<Timeline>(account.id, ofAccount(account.id, 'msg', msgId, 'timeline'), { topics: ['delivery'] })
  return (
    <>
      <Ignored names={faults} />
      <Whole view={view} msgId={msgId} />
      {attempt !== undefined && other === undefined && <AttemptDrawer msgId={msgId} attemptId={attempt} />}
      {attempt !== undefined && other !== undefined && (
        <CompareDialog
          msgId={msgId}
          attemptId={attempt}
          otherId={other}
          timeline={view.kind === 'ready' ? view.data : null}
        />
      )}
    </>
  )
}

function Whole({ view, msgId }: { view: View<Timeline>; msgId: string }) {
  const account = useAccount()
  const crumbs = (
    <Link to="/a/$account/log" params={{ account: account.id }}>
      {deliveryText.log.title}
    </Link>
  )
  return (
    <Detail view={view} title={words.title} crumbs={crumbs} beside={<code>{msgId}</code>}>
      {(timeline) => <EventPage timeline={timeline} crumbs={crumbs} />}
    </Detail>
  )
}

function EventPage({ timeline, crumbs }: { timeline: Timeline; crumbs: ReactNode }) {
  const account = useAccount()
  return (
    <Page
      title={timeline.eventType}
      crumbs={crumbs}
      beside={<CopyText value={timeline.msgId} name={words.idName} />}
      acts={
        <>
          <Neighbours of={timeline} account={account.id} />
          <LiveSwitch account={account.id} />
        </>
      }
    >
      <div className={styles.columns}>
        <section className={layout.card} aria-label={words.facts}>
          <Facts of={timeline} account={account.id} />
        </section>
        <div className={cx(layout.stack, styles.endpoints)}>
          <h2 className={layout.hidden}>{words.endpoints}</h2>
          {timeline.endpoints.length === 0 && <Empty title={words.noEndpoints}>{words.noEndpointsBody}</Empty>}
          {timeline.endpoints.map((each) => (
            <EndpointCard key={each.endpoint.id} of={each} event={timeline} />
          ))}
          {timeline.endpointsCapped && <p className={layout.muted}>{words.capped}</p>}
          <TimeAxis of={timeline} />
        </div>
        <section className={layout.card}>
          <div className={layout.cardHead}>
            <h2>{words.payload}</h2>
          </div>
          <Payload account={account.id} msgId={timeline.msgId} isGone={timeline.payloadBytes === null} />
        </section>
      </div>
    </Page>
  )
}

function Neighbours({ of: { npn, previous, next }, account }: { of: Timeline; account: string }) {
  if (npn === null) return null
  return (
    <>
      <Neighbour of={previous} account={account} label={words.previous} whyNot={words.noPrevious} />
      <Neighbour of={next} account={account} label={words.next} whyNot={words.noNext} />
    </>
  )
}

function Neighbour({
  of: event,
  account,
  label,
  whyNot,
}: {
  of: Timeline['next']
  account: string
  label: string
  whyNot: string
}) {
  if (event === null) {
    return (
      <Button isSmall kind="quiet" whyOff={whyNot}>
        {label}
      </Button>
    )
  }
  return (
    <ButtonLink isSmall kind="quiet" to="/a/$account/events/$event" params={{ account, event: event.msgId }}>
      {label}
    </ButtonLink>
  )
}

/** A replay sends the same event: what it was at first is said with it. */
function sourceWords({ test, endpoints }: Timeline): string {
  const source = test ? words.sourceTest : words.sourceLive
  const isAgain = endpoints.some(({ attempts }) => attempts.some(({ trigger }) => SENT_AGAIN.has(trigger)))
  return isAgain ? words.sentAgain(source) : source
}

function Facts({ of: timeline, account }: { of: Timeline; account: string }) {
  const { evtId, eventId, npn, runDate, occurredAt, deliverAt, channels, tags, payloadSha256 } = timeline
  return (
    <dl className={layout.facts}>
      <dt>{words.occurred}</dt>
      <dd>
        <Time at={occurredAt} form="exact" />
      </dd>
      {deliverAt !== null && <Fact name={words.planned}>{<Time at={deliverAt} form="exact" />}</Fact>}
      <Fact name={words.source}>{sourceWords(timeline)}</Fact>
      {npn !== null && (
        <Fact name={words.npn}>
          <Link to="/a/$account/producers/$npn" params={{ account, npn }}>
            <code>{npn}</code>
          </Link>
        </Fact>
      )}
      {runDate !== null && (
        <Fact name={words.runDate}>
          <Link to="/a/$account/runs/$runDate" params={{ account, runDate }}>
            {runDate}
          </Link>
        </Fact>
      )}
      <Fact name={words.evt}>
        <CopyText value={evtId} name={words.evtName} />
      </Fact>
      {eventId !== null && <Fact name={words.givenId}>{<code>{eventId}</code>}</Fact>}
      {channels !== null && channels.length > 0 && <Fact name={words.channels}>{channels.join(', ')}</Fact>}
      {tags !== null && tags.length > 0 && <Fact name={words.tags}>{tags.join(', ')}</Fact>}
      {payloadSha256 !== null && (
        <Fact name={words.sha}>
          <CopyText value={payloadSha256} name={words.shaName} />
        </Fact>
      )}
    </dl>
  )
}
