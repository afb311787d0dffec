import type { Attempt, TestEvent } from '@producersync/server/contract'
import { Link } from '@tanstack/react-router'
import { useCallback, useState } from 'react'
import { maskedUrl } from '#src/endpoints/url.ts'
import { type TestBody, useEndpointWrites } from '#src/endpoints/writes.ts'
import { JsonView } from '#src/json/json-view.tsx'
import layout from '#src/look/layout.module.css'
import { ErrorNotice, Notice } from '#src/parts/notice.tsx'
import { Prose } from '#src/parts/prose.tsx'
import { endpointText } from '#src/text-endpoints.ts'
import { durationWords } from '#src/time/words.ts'

const words = endpointText.testing
/** Of no type that events have: it says nothing but that somebody is there. */
export const PING = 'webhook.ping'

export type Test = {
  isSending: boolean
  result: TestEvent | null
  error: unknown
  send: (body: TestBody) => Promise<void>
}

/** Sends test events to an endpoint, one after the other. */
export function useTest(account: string, endpoint: string): Test {
  const { test } = useEndpointWrites(account)
  const [state, setState] = useState<Omit<Test, 'send'>>({ isSending: false, result: null, error: null })
  const send = useCallback(
    async (body: TestBody) => {
      setState((before) => ({ ...before, isSending: true, error: null }))
      try {
        setState({ isSending: false, result: await test(endpoint, body), error: null })
      } catch (error) {
        setState({ isSending: false, result: null, error })
      }
    },
    [test, endpoint],
  )
  return { ...state, send }
}

/** What a test was answered with, in place. */
export function TestOutcome({ test: { isSending, result, error }, account }: { test: Test; account: string }) {
  if (isSending) return <p role="status">{words.sending}</p>
  if (error != null) return <ErrorNotice error={error} />
  if (!result) return <p className={layout.muted}>{words.none}</p>
  return (
    <div className={layout.stack} role="status">
      {result.attempt ? (
        <AttemptOutcome attempt={result.attempt} />
      ) : (
        <Notice title={words.queued}>{words.queuedBody}</Notice>
      )}
      <p>
        <Link to="/a/$account/events/$event" params={{ account, event: result.msgId }}>
          {words.seeEvent}
        </Link>
      </p>
    </div>
  )
}

/** One attempt in short: how it ended, how long it took, what to do, and what was answered. */
export function AttemptOutcome({ attempt }: { attempt: Attempt }) {
  const { failure, responseStatusCode, responseDurationMs, response, url } = attempt
  const took = durationWords(responseDurationMs)
  return (
    <>
      <Notice tone={failure ? 'bad' : 'ok'} title={failure ? failure.title : words.answered(responseStatusCode, took)}>
        {failure && (
          <div>
            <Prose>{failure.advice}</Prose>
          </div>
        )}
        <div className={layout.muted}>
          {failure && responseStatusCode > 0 ? words.status(responseStatusCode, took) : words.took(took)}
          {' · '}
          <span className={layout.mono}>{`POST ${maskedUrl(url)}`}</span>
        </div>
      </Notice>
      {responseStatusCode > 0 && response !== '' && (
        <details>
          <summary>{words.response}</summary>
          <JsonView text={response} />
        </details>
      )}
    </>
  )
}
