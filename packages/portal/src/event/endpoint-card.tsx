import type { Timeline } from '@producersync/server/contract'
import { Link } from '@tanstack/react-router'
import { Check, X } from 'lucide-react'
import { useState } from 'react'
import type { RawSearch } from '#src/address/search.ts'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { useRefresh } from '#src/api/refresh.ts'
import { useWriteKeys } from '#src/api/write-keys.ts'
import { endpointName, maskedUrl } from '#src/endpoints/url.ts'
import layout from '#src/look/layout.module.css'
import { Breakable } from '#src/parts/breakable.tsx'
import { Button } from '#src/parts/button.tsx'
import { DangerDialog } from '#src/parts/dialog.tsx'
import { Icon } from '#src/parts/icon.tsx'
import { ErrorNotice } from '#src/parts/notice.tsx'
import { useAccount } from '#src/session/account.ts'
import { DeliveryPill } from '#src/states/states.tsx'
import { deliveryText } from '#src/text-deliveries.ts'
import { Age, Time } from '#src/time/time.tsx'
import { durationWords, momentWords } from '#src/time/words.ts'
import { useZone } from '#src/time/zone.ts'
import styles from './event.module.css'

const words = deliveryText.event
/** What is over is replayed; what is under way is tried again. */
const ENDED: ReadonlySet<AtEndpoint['state']> = new Set(['delivered', 'canceled', 'exhausted'])
export type AtEndpoint = Timeline['endpoints'][number]

/** An event at one endpoint: how it stands, its attempts, and how to send it there once more. */
export function EndpointCard({ of: each, event }: { of: AtEndpoint; event: Timeline }) {
  const account = useAccount()
  const { endpoint, state, attempts, attemptsMade, attemptsMax, nextAttempt } = each
  return (
    <section className={layout.card} aria-label={endpointName(endpoint)}>
      <div className={layout.cardHead}>
        <span className={styles.endpoint}>
          <Link to="/a/$account/endpoints/$endpoint" params={{ account: account.id, endpoint: endpoint.id }}>
            {endpointName(endpoint)}
          </Link>
          <DeliveryPill state={state} attempts={{ made: attemptsMade, max: attemptsMax }} />
          {nextAttempt !== null && (
            <span className={layout.muted}>
              {words.nextIn} <Age at={nextAttempt} />
            </span>
          )}
        </span>
        <Send each={each} event={event} account={account.id} whyNot={account.whyNot('CreateAttempts')} />
      </div>
      <code className={styles.url}>
        <Breakable>{maskedUrl(endpoint.url)}</Breakable>
      </code>
      {each.skipped && <Skipped of={each.skipped} />}
      {attempts.length > 0 && (
        <ol className={styles.attempts} aria-label={words.attempts} reversed>
          {attempts.map((attempt) => (
            <li key={attempt.id}>
              <Link
                to="."
                search={(before: RawSearch) => ({ ...before, attempt: attempt.id, with: undefined })}
                resetScroll={false}
                className={styles.attempt}
              >
                <span className={attempt.failure ? styles.bad : styles.ok}>
                  <Icon of={attempt.failure ? X : Check} size={14} />
                </span>
                <span>{attemptName(attempt)}</span>
                <Time at={attempt.startedAt} isInRow />
                <span className={styles.what}>
                  {words.resultIn(
                    attempt.failure?.title ?? String(attempt.responseStatusCode),
                    durationWords(attempt.responseDurationMs),
                  )}
                </span>
              </Link>
            </li>
          ))}
        </ol>
      )}
      {each.attemptsCapped && <p className={layout.muted}>{words.attemptsCapped}</p>}
    </section>
  )
}

function attemptName({ attemptNumber, trigger }: AtEndpoint['attempts'][number]): string {
  const name = words.attemptName(attemptNumber)
  const maker = words.makers[trigger]
  return maker === undefined ? name : words.madeBy(name, maker)
}

function Skipped({ of: skipped }: { of: NonNullable<AtEndpoint['skipped']> }) {
  const zone = useZone()
  return (
    <p className={layout.small}>
      {skipped.text}
      {skipped.changedAt !== null && (
        <span className={layout.muted}> {words.changedSince(momentWords(new Date(skipped.changedAt), zone))}</span>
      )}
    </p>
  )
}

/** Sends the event to this endpoint, at once and once. It is queued until an attempt is recorded. */
function Send({
  each,
  event,
  account,
  whyNot,
}: {
  each: AtEndpoint
  event: Timeline
  account: string
  whyNot: string | null
}) {
  const { endpoint, state, attempts, nextAttempt } = each
  const isPlanned = nextAttempt !== null && !endpoint.deleted
  const [isBusy, setBusy] = useState(false)
  const [isCanceling, setCanceling] = useState(false)
  const refresh = useRefresh(account)
  const [error, setError] = useState<unknown>(null)
  const newest = attempts[0]?.id ?? null
  const [queuedAfter, setQueuedAfter] = useState<{ attempt: string | null } | null>(null)
  const isQueued = queuedAfter !== null && queuedAfter.attempt === newest
  const keys = useWriteKeys()

  async function cancel() {
    const path = ofAccount(account, 'msg', event.msgId, 'endpoint', endpoint.id, 'cancel')
    await fetchJson(account, path, { method: 'POST', body: {}, idempotencyKey: keys.keyFor('cancel') })
    keys.done()
    await refresh()
  }

  async function send() {
    setBusy(true)
    setError(null)
    try {
      // a retry takes the place of the attempt that is planned; a resend stands beside what was
      const act = isPlanned ? 'retry' : 'resend'
      const path = ofAccount(account, 'msg', event.msgId, 'endpoint', endpoint.id, act)
      await fetchJson(account, path, { method: 'POST', body: {}, idempotencyKey: keys.keyFor(act) })
      setQueuedAfter({ attempt: newest })
      keys.done()
    } catch (caught) {
      setError(caught)
    } finally {
      setBusy(false)
    }
  }

  const label = state === 'skipped' ? words.sendHere : ENDED.has(state) ? words.replay : words.retryNow
  const whyOff =
    whyNot ??
    (endpoint.deleted ? words.deletedEndpoint : null) ??
    (event.payloadBytes === null ? words.payloadGone : null) ??
    (endpoint.disabled ? words.disabledFirst : null) ??
    (event.test && state === 'skipped' ? words.cannotTest : null) ??
    (isQueued ? words.queued : null)
  return (
    <div className={styles.send}>
      <span className={layout.row}>
        <Button isSmall onPress={() => void send()} whyOff={whyOff} pending={isBusy ? words.sending : false}>
          {label}
        </Button>
        {isPlanned && (
          <Button isSmall onPress={() => setCanceling(true)} whyOff={whyNot}>
            {words.cancel}
          </Button>
        )}
      </span>
      <DangerDialog
        title={words.cancelTitle}
        effect={words.cancelEffect(endpointName(endpoint))}
        verb={words.cancelVerb}
        isOpen={isCanceling}
        onClose={() => setCanceling(false)}
        act={cancel}
      />
      <span role="status" className={layout.small}>
        {isQueued ? words.queued : ''}
      </span>
      {error != null && <ErrorNotice error={error} />}
    </div>
  )
}
