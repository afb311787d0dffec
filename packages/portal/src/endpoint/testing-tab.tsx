import type { Endpoint, EventType } from '@producersync/server/contract'
import { useState } from 'react'
import { useEventTypes } from '#src/catalog/event-types.tsx'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { Select, TextArea } from '#src/parts/field.tsx'
import { Part } from '#src/parts/notice.tsx'
import type { Account } from '#src/session/account.ts'
import { bodyFault, exampleOf } from '#src/testing/example.ts'
import { Scenarios } from '#src/testing/scenarios.tsx'
import { SignatureCheckCard } from '#src/testing/signature-check.tsx'
import { TestOutcome, useTest } from '#src/testing/test-outcome.tsx'
import { endpointText } from '#src/text-endpoints.ts'

const words = endpointText.testing
const PING = 'webhook.ping'
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
  const [type, setType] = useState(types[0]?.name ?? PING)
  const [body, setBody] = useState<string | null>(null)
  const [secret, setSecret] = useState<(typeof SECRETS)[number]>('all')
  const test = useTest(account.id, endpoint.id)
  const example = exampleOf(types.find(({ name }) => name === type))
  const shown = body ?? example
  const fault = body === null ? null : bodyFault(body)
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
        error={fault === null ? undefined : words.notJson(fault.line, fault.column)}
        value={shown}
        onChange={setBody}
        rows={10}
        isMono
      />
      <Select
        label={words.secret}
        value={secret}
        onChange={setSecret}
        options={SECRETS.map((value) => ({ value, label: words.secrets[value] }))}
      />
      <div className={layout.row}>
        <Button
          kind="primary"
          whyOff={account.whyNot('CreateAttempts') ?? (fault && words.fixFirst)}
          pending={test.isSending && words.sendingShort}
          onPress={() =>
            void test.send({ eventType: type, secret, ...(body !== null && { payload: JSON.parse(body) as unknown }) })
          }
        >
          {words.send}
        </Button>
        {body !== null && (
          <Button kind="quiet" onPress={() => setBody(null)}>
            {words.reset}
          </Button>
        )}
      </div>
      <TestOutcome test={test} account={account.id} />
    </div>
  )
}
