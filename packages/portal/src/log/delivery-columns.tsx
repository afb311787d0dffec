import type { Delivery } from '@producersync/server/contract'
import { endpointName, maskedUrl } from '#src/endpoints/url.ts'
import layout from '#src/look/layout.module.css'
import { Breakable } from '#src/parts/breakable.tsx'
import { CopyButton } from '#src/parts/copy.tsx'
import { Above, type Column, RowLink } from '#src/parts/listing.tsx'
import { DeliveryPill } from '#src/states/states.tsx'
import { count, text } from '#src/text.ts'
import { deliveryText } from '#src/text-deliveries.ts'
import { Due, Time } from '#src/time/time.tsx'
import { durationWords } from '#src/time/words.ts'
import styles from './log.module.css'

const words = deliveryText.log
const OWN_GROUP = 'producersync.'
/** Characters; a longer one makes its row higher, rather than all rows wider. */
const TYPE_IN_LINE_MAX = 24

/** What a line of the log says. @param isOfEndpoint  all are of one endpoint, which need not be named */
export function deliveryColumns(account: string, { isOfEndpoint }: { isOfEndpoint: boolean }): Column<Delivery>[] {
  const columns: (Column<Delivery> | null)[] = [
    {
      key: 'state',
      head: words.columns.state,
      isPlain: true,
      cell: ({ state, attemptsMade, attemptsMax }) => (
        <DeliveryPill state={state} attempts={{ made: attemptsMade, max: attemptsMax }} />
      ),
    },
    {
      key: 'type',
      head: words.columns.type,
      cell: ({ eventType, test }) => (
        <span className={styles.type} data-tip={eventType}>
          <TypeName>{shortType(eventType)}</TypeName>
          {test && <span className={styles.tag}>{words.isTest}</span>}
        </span>
      ),
    },
    {
      key: 'event',
      head: words.columns.event,
      cell: ({ msgId }) => (
        <span className={styles.id}>
          <RowLink to="/a/$account/events/$event" params={{ account, event: msgId }}>
            <code>{shortId(msgId)}</code>
          </RowLink>
          <Above>
            <CopyButton value={msgId} name={deliveryText.event.idOf(msgId)} />
          </Above>
        </span>
      ),
    },
    {
      key: 'about',
      head: words.columns.about,
      cell: ({ npn, runDate }) => {
        const about = npn ?? runDate
        return about === null ? text.common.none : <code className={layout.nowrap}>{about}</code>
      },
    },
    { key: 'occurred', head: words.columns.occurred, cell: ({ occurredAt }) => <Time at={occurredAt} isInRow /> },
    isOfEndpoint
      ? null
      : { key: 'endpoint', head: words.columns.endpoint, cell: ({ endpoint }) => <EndpointName of={endpoint} /> },
    {
      key: 'result',
      head: words.columns.result,
      cell: ({ lastAttempt }) => (lastAttempt ? <Result of={lastAttempt} /> : text.common.none),
    },
    {
      key: 'attempts',
      head: words.columns.attempts,
      isNumber: true,
      cell: ({ attemptsMade, lastAttempt }) => count(attemptsMade === 0 && lastAttempt ? 1 : attemptsMade),
    },
    {
      key: 'next',
      head: words.columns.next,
      cell: ({ nextAttempt, state }) => {
        if (nextAttempt === null) return text.common.none
        return state === 'sending' ? text.common.now : <Due at={nextAttempt} isInRow />
      },
    },
  ]
  return columns.filter((column) => column !== null)
}

/** An endpoint, with what tells it from others of the same name on hover. */
export function EndpointName({ of: endpoint }: { of: Delivery['endpoint'] }) {
  return (
    <span className={styles.endpoint} data-tip={maskedUrl(endpoint.url)}>
      <span>{endpointName(endpoint)}</span>
      {endpoint.deleted && <span className={styles.tag}>{words.deleted}</span>}
    </span>
  )
}

function Result({ of: attempt }: { of: NonNullable<Delivery['lastAttempt']> }) {
  const { failure, responseStatusCode, responseDurationMs } = attempt
  const took = durationWords(responseDurationMs)
  if (failure)
    return (
      <span className={styles.failure} data-tip={words.adviceAfter(took, failure.advice)}>
        {failure.title}
        <span className={styles.took}>{words.after(took)}</span>
      </span>
    )
  return (
    <span className={layout.nowrap}>
      {deliveryText.event.resultIn(responseStatusCode === 0 ? words.noAnswer : String(responseStatusCode), took)}
    </span>
  )
}

function TypeName({ children: name }: { children: string }) {
  if (name.length <= TYPE_IN_LINE_MAX) return <span className={layout.nowrap}>{name}</span>
  return (
    <span className={styles.longType}>
      <Breakable>{name}</Breakable>
    </span>
  )
}

/** Without the group that nearly all are of. */
function shortType(type: string): string {
  return type.startsWith(OWN_GROUP) ? type.slice(OWN_GROUP.length) : type
}

/** The end of an id tells it from its neighbours: their beginnings are the time. */
export function shortId(id: string): string {
  const [prefix = '', rest = ''] = id.split('_')
  return rest.length > 10 ? `${prefix}_…${rest.slice(-6)}` : id
}
