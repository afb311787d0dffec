import type { Endpoint, EventType } from '@producersync/server/contract'
import { useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { useEventTypes } from '#src/catalog/event-types.tsx'
import { endpointName } from '#src/endpoints/url.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { Select, TextArea } from '#src/parts/field.tsx'
import { Part } from '#src/parts/notice.tsx'
import type { Account } from '#src/session/account.ts'
import { bodyFault, bodyRefusal, exampleOf } from '#src/testing/example.ts'
import { ListenerOutcome, useListeners, useListenerTest } from '#src/testing/listeners.tsx'
import { Scenarios } from '#src/testing/scenarios.tsx'
import { SignatureCheckCard } from '#src/testing/signature-check.tsx'
import { PING, TestOutcome, useTest } from '#src/testing/test-outcome.tsx'
import { endpointText } from '#src/text-endpoints.ts'

const words = endpointText.testing
const SCENARIO_TYPE = 'producersync.updates_available'
const SECRETS = ['all', 'newest', 'previous'] as const

/** Sends test events and checks how signatures are dealt with; also of a disabled endpoint. Source: portal S10. */
export function TestingTab({ endpoint, account }: { endpoint: Endpoint; account: Account }) {
  const types = useEventTypes(account.id)
  return (
    <div className={layout.halves}>
      <section className={layout.card} aria-labelledby="test">
        <div className={layout.cardHead}>
          <h2 id="test">{words.title}</h2>
        </div>
        <Part of={types}>{({ data }) => <Sender endpoint={endpoint} account={account} types={data} />}</Part>
      </section>
      <div className={layout.stack}>
        <SignatureCheckCard endpoint={endpoint} account={account} />
        {types.kind === 'ready' && (
          <Scenarios
            endpoint={endpoint}
            account={account}
            example={exampleOf(types.data.data.find(({ name }) => name === SCENARIO_TYPE))}
          />
        )}
      </div>
    </div>
  )
}

function Sender({ endpoint, account, types }: { endpoint: Endpoint; account: Account; types: readonly EventType[] }) {
  const { type: asked } = useSearch({ strict: false })
  const [type, setType] = useState(() => types.find(({ name }) => name === asked)?.name ?? types[0]?.name ?? PING)
  const [body, setBody] = useState<string | null>(null)
  const [secret, setSecret] = useState<(typeof SECRETS)[number]>('all')
  const test = useTest(account.id, endpoint.id)
  const listeners = useListeners(account)
  const [to, setTo] = useState(endpoint.id)
  const listener = listeners.find(({ id }) => id === to)
  const listenerTest = useListenerTest(account.id)
  const example = exampleOf(types.find(({ name }) => name === type))
  const shown = body ?? example
  const fault = body === null ? null : bodyFault(body)
  const refusal = bodyRefusal(shown, listener ? listenerTest.error : test.error)
  const bodyError = fault
    ? words.notJson(fault.line, fault.column)
    : refusal
      ? words.misfit(refusal.line, refusal.pointer, refusal.msg)
      : undefined

  function send() {
    const sent = { eventType: type, ...(body !== null && { payload: JSON.parse(body) as unknown }) }
    void (listener ? listenerTest.send(listener.id, sent) : test.send({ ...sent, secret }))
  }
  return (
    <div className={layout.stack}>
      <Select
        label={words.type}
        value={type}
        onChange={(chosen) => {
          setType(chosen)
          setBody(null)
        }}
        options={[...types.map(({ name }) => ({ value: name, label: name })), { value: PING, label: PING }]}
      />
      <TextArea
        label={words.body}
        name="payload"
        hint={body === null ? words.bodyHint : words.bodyOwn}
        error={bodyError}
        value={shown}
        onChange={setBody}
        rows={10}
        isMono
      />
      <Select
        label={words.to}
        hint={listeners.length === 0 ? words.listenerHint : undefined}
        value={listener?.id ?? endpoint.id}
        onChange={setTo}
        options={[
          { value: endpoint.id, label: words.toEndpoint(endpointName(endpoint)) },
          ...listeners.map(({ id, forwardTo }) => ({ value: id, label: words.toListener(forwardTo ?? id) })),
        ]}
      />
      {!listener && (
        <Select
          label={words.secret}
          value={secret}
          onChange={setSecret}
          options={SECRETS.map((value) => ({ value, label: words.secrets[value] }))}
        />
      )}
      <div className={layout.row}>
        <Button
          kind="primary"
          whyOff={account.whyNot('CreateAttempts') ?? (fault && words.fixFirst)}
          pending={(test.isSending || listenerTest.isSending) && words.sendingShort}
          onPress={send}
        >
          {words.send}
        </Button>
        {body !== null && (
          <Button kind="quiet" onPress={() => setBody(null)}>
            {words.reset}
          </Button>
        )}
      </div>
      {listener ? <ListenerOutcome of={listenerTest} /> : <TestOutcome test={test} account={account.id} />}
    </div>
  )
}
