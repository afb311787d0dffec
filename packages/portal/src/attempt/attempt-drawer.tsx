import type { AttemptDetail, SignedAgain } from '@producersync/server/contract'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { ChevronLeft, ChevronRight, GitCompare, X } from 'lucide-react'
import { useCallback, useEffect, useState } from 'react'
import { Dialog, Heading, Modal, ModalOverlay } from 'react-aria-components'
import type { RawSearch } from '#src/address/search.ts'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { usePayload } from '#src/event/payload.tsx'
import { areShortcutsOn } from '#src/keys/shortcuts.ts'
import layout from '#src/look/layout.module.css'
import { CommandsButton } from '#src/parity/commands-button.tsx'
import { Button, IconButton } from '#src/parts/button.tsx'
import { CopyButton } from '#src/parts/copy.tsx'
import { Fact } from '#src/parts/fact.tsx'
import { ErrorNotice, Notice, Part } from '#src/parts/notice.tsx'
import { Prose } from '#src/parts/prose.tsx'
import { Tabs } from '#src/parts/tabs.tsx'
import { useAccount } from '#src/session/account.ts'
import { deliveryText } from '#src/text-deliveries.ts'
import { Time } from '#src/time/time.tsx'
import styles from './attempt.module.css'
import { Connection, Request, Response } from './attempt-parts.tsx'
import { toCurl, withHeaders } from './curl.ts'
import { requesterWords } from './requester.ts'
import { Timings } from './timings.tsx'
import { useAttempt } from './use-attempt.ts'

const words = deliveryText.attempt
/** Parts of an attempt, as the address names them. */
export const SHOWN = ['request', 'response', 'connection'] as const

/** One attempt beside its event. Its address can be sent to somebody; Esc closes it. */
export function AttemptDrawer({ msgId, attemptId }: { msgId: string; attemptId: string }) {
  const account = useAccount()
  const navigate = useNavigate()
  const view = useAttempt(account.id, msgId, attemptId)
  const go = useCallback(
    (to: { attempt?: string; with?: string }) =>
      void navigate({
        to: '.',
        search: ({ shown, ...before }: RawSearch) => ({
          ...before,
          attempt: undefined,
          with: undefined,
          shown: to.attempt === undefined ? undefined : shown,
          ...to,
        }),
        resetScroll: false,
      }),
    [navigate],
  )
  const attempt = view.kind === 'ready' ? view.data : null
  const older = attempt?.previousAttemptId ?? null
  const newer = attempt?.nextAttemptId ?? null
  useSiblingKeys(older, newer, go)
  const sibling = older ?? newer
  return (
    <ModalOverlay className={styles.veil ?? ''} isOpen isDismissable onOpenChange={(isOpen) => !isOpen && go({})}>
      <Modal className={styles.drawer ?? ''}>
        <Dialog className={styles.dialog ?? ''}>
          <header className={styles.head}>
            <Heading slot="title" level={2}>
              {attempt === null ? words.one : titleOf(attempt)}
            </Heading>
            <span className={styles.tools}>
              <Sibling icon={ChevronLeft} name={words.older} keys="[" to={older} go={go} />
              <Sibling icon={ChevronRight} name={words.newer} keys="]" to={newer} go={go} />
              <Button
                isSmall
                icon={GitCompare}
                whyOff={sibling === null ? words.compareWhy : null}
                onPress={() => sibling !== null && go({ attempt: attemptId, with: sibling })}
              >
                {words.compare}
              </Button>
              <CommandsButton />
              <IconButton icon={X} name={words.close} keys="Escape" onPress={() => go({})} />
            </span>
          </header>
          {view.kind === 'failed' ? (
            <ErrorNotice error={view.error} retry={view.retry} />
          ) : (
            <Part of={view}>{(ready) => <Whole of={ready} account={account.id} />}</Part>
          )}
        </Dialog>
      </Modal>
    </ModalOverlay>
  )
}

/** A schedule that was made shorter since may count fewer. */
function titleOf({ attemptNumber, attemptsMax }: AttemptDetail): string {
  return words.title(attemptNumber, attemptNumber <= attemptsMax ? attemptsMax : null)
}

function Sibling({
  icon,
  name,
  keys,
  to,
  go,
}: {
  icon: typeof X
  name: string
  keys: string
  to: string | null
  go: (to: { attempt: string }) => void
}) {
  if (to === null) return null
  return <IconButton icon={icon} name={name} keys={keys} onPress={() => go({ attempt: to })} />
}

/** `[` and `]` act here although other single keys do not in a dialog: this one has no fields. */
function useSiblingKeys(older: string | null, newer: string | null, go: (to: { attempt: string }) => void): void {
  useEffect(() => {
    const listening = new AbortController()
    document.addEventListener(
      'keydown',
      ({ key, ctrlKey, metaKey, altKey }) => {
        if (ctrlKey || metaKey || altKey || !areShortcutsOn()) return
        const to = key === '[' ? older : key === ']' ? newer : null
        if (to !== null) go({ attempt: to })
      },
      { signal: listening.signal },
    )
    return () => listening.abort()
  }, [older, newer, go])
}

function Whole({ of: attempt, account }: { of: AttemptDetail; account: string }) {
  const search: RawSearch = useSearch({ strict: false })
  const navigate = useNavigate()
  const shown = SHOWN.find((one) => one === search.shown) ?? 'response'
  return (
    <div className={layout.stack}>
      <Outcome of={attempt} />
      <Timings of={attempt} />
      <dl className={layout.facts}>
        <Facts of={attempt} account={account} />
      </dl>
      <div className={layout.spread}>
        <Tabs
          name={titleOf(attempt)}
          chosen={shown}
          onChoose={(next) =>
            void navigate({
              to: '.',
              search: (before: RawSearch) => ({ ...before, shown: next === 'response' ? undefined : next }),
              replace: true,
              resetScroll: false,
            })
          }
          tabs={SHOWN.map((id) => ({ id, label: words.tabs[id] }))}
        />
        <Curl of={attempt} />
      </div>
      {shown === 'request' && <Request of={attempt} account={account} />}
      {shown === 'response' && <Response of={attempt} />}
      {shown === 'connection' && <Connection of={attempt} />}
    </div>
  )
}

function Outcome({ of: { failure, responseStatusCode, timedOutIn } }: { of: AttemptDetail }) {
  if (!failure) return <Notice tone="ok" title={`${words.delivered} ${responseStatusCode}`} />
  return (
    <Notice
      tone="bad"
      title={failure.title}
      acts={
        <a href={failure.docsUrl} target="_blank" rel="noreferrer">
          {words.why}
        </a>
      }
    >
      <Prose>{failure.advice}</Prose>
      {timedOutIn !== null && <div>{words.timedOutIn[timedOutIn]}</div>}
    </Notice>
  )
}

function Facts({ of: attempt, account }: { of: AttemptDetail; account: string }) {
  const { trigger, requestedBy, taskId, timestamp, decision } = attempt
  const reason = decision.reason === null ? '' : `: ${words.reasons[decision.reason] ?? decision.reason}`
  return (
    <>
      <Fact name={words.started}>
        <Time at={timestamp} form="exact" />
      </Fact>
      <Fact name={words.trigger}>{deliveryText.triggers[trigger]}</Fact>
      {requestedBy !== null && <Fact name={words.by}>{requesterWords(requestedBy)}</Fact>}
      {taskId !== null && (
        <Fact name={words.task}>
          <a href={`/portal/a/${account}/replays/${taskId}`}>{taskId}</a>
        </Fact>
      )}
      <Fact name={words.decision}>
        {words.decisions[decision.state]}
        {reason}
      </Fact>
      {decision.nextAttempt !== null && (
        <Fact name={words.nextAt}>
          <Time at={decision.nextAttempt} />
        </Fact>
      )}
    </>
  )
}

/** The request as a command. Its signature is refused after 5 minutes; *Sign again* makes one that is taken now. */
function Curl({ of: { request, msgId, endpointId } }: { of: AttemptDetail }) {
  const account = useAccount()
  const payload = usePayload(account.id, msgId, request.bodyBytes !== null)
  const [signed, setSigned] = useState<typeof request | null>(null)
  const [isSigning, setSigning] = useState(false)
  const [error, setError] = useState<unknown>(null)
  if (payload.data === undefined) return null

  async function signAgain() {
    setSigning(true)
    setError(null)
    try {
      const path = ofAccount(account.id, 'msg', msgId, 'endpoint', endpointId, 'sign')
      const { headers } = await fetchJson<SignedAgain>(account.id, path, { method: 'POST', body: {} })
      setSigned(withHeaders(request, headers))
    } catch (caught) {
      setError(caught)
    } finally {
      setSigning(false)
    }
  }

  return (
    <span className={layout.row}>
      <span className={styles.curl}>
        {deliveryText.event.curl}
        <CopyButton value={toCurl(signed ?? request, payload.data)} name={words.curlName} />
      </span>
      <Button
        isSmall
        onPress={() => void signAgain()}
        whyOff={account.whyNot('CreateAttempts')}
        pending={isSigning && words.signing}
      >
        {words.signAgain}
      </Button>
      <span role="status" className={styles.signed}>
        {signed ? words.signedAgain : deliveryText.event.curlNote}
      </span>
      {error != null && <ErrorNotice error={error} />}
    </span>
  )
}
