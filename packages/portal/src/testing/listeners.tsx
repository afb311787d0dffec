import type { CliResult, CliSession, Message, Page } from '@producersync/server/contract'
import { useCallback, useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { useRead } from '#src/api/queries.ts'
import { useWriteKeys } from '#src/api/write-keys.ts'
import { ErrorNotice, Notice } from '#src/parts/notice.tsx'
import type { Account } from '#src/session/account.ts'
import { deliveryText } from '#src/text-deliveries.ts'
import { endpointText } from '#src/text-endpoints.ts'
import { durationWords } from '#src/time/words.ts'
import { askUntil } from './ask-until.ts'

const words = endpointText.testing

/** Command lines that listen to the account's events just now, and can be sent a test in place of an endpoint. */
export function useListeners(account: Account): readonly CliSession[] {
  const view = useRead<Page<CliSession>>(account.id, ofAccount(account.id, 'cli-session'), {
    query: { limit: 250 },
    everyMs: 10_000,
    isEnabled: account.can('CreateAttempts'),
  })
  return view.kind === 'ready' ? view.data.data.filter(({ connected }) => connected) : []
}

export type ListenerTest = {
  isSending: boolean
  /** null: nothing was sent; `answer` null: the command line has not said what came of it. */
  result: { answer: CliResult | null } | null
  error: unknown
  send: (session: string, body: { eventType: string; payload?: unknown }) => Promise<void>
}

export function useListenerTest(account: string): ListenerTest {
  const [state, setState] = useState<Omit<ListenerTest, 'send'>>({ isSending: false, result: null, error: null })
  const keys = useWriteKeys()
  const send = useCallback(
    async (session: string, body: object) => {
      setState({ isSending: true, result: null, error: null })
      try {
        const path = ofAccount(account, 'cli-session', session)
        const { id } = await fetchJson<Message>(account, `${path}/test-event`, {
          method: 'POST',
          body,
          idempotencyKey: keys.keyFor([session, body]),
        })
        keys.done()
        const answer = await askUntil(async () => {
          const { data } = await fetchJson<Page<CliResult>>(account, `${path}/result`)
          return data.find(({ msgId }) => msgId === id)
        })
        setState({ isSending: false, result: { answer }, error: null })
      } catch (error) {
        setState({ isSending: false, result: null, error })
      }
    },
    [account, keys],
  )
  return { ...state, send }
}

/** What the program behind a command line has answered, in place. */
export function ListenerOutcome({ of: { isSending, result, error } }: { of: ListenerTest }) {
  if (isSending) return <p role="status">{words.sending}</p>
  if (error != null) return <ErrorNotice error={error} />
  if (!result) return null
  const { answer } = result
  if (!answer) {
    return (
      <div role="status">
        <Notice title={words.queued}>{words.listenerSilent}</Notice>
      </div>
    )
  }
  const { responseStatusCode, durationMs, failureClass } = answer
  const took = durationWords(durationMs)
  return (
    <div role="status">
      <Notice
        tone={failureClass === null ? 'ok' : 'bad'}
        title={
          failureClass === null
            ? words.answered(responseStatusCode, took)
            : (deliveryText.classes[failureClass] ?? failureClass)
        }
      >
        {failureClass !== null && (responseStatusCode > 0 ? words.status(responseStatusCode, took) : words.took(took))}
      </Notice>
    </div>
  )
}
