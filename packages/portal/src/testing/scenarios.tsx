import type { Attempt, Endpoint, Page, TestEvent } from '@producersync/server/contract'
import { useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { type TestBody, useEndpointWrites } from '#src/endpoints/writes.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { ErrorNotice, Notice } from '#src/parts/notice.tsx'
import type { Account } from '#src/session/account.ts'
import { endpointText } from '#src/text-endpoints.ts'
import { askUntil } from './ask-until.ts'
import { outOfOrder } from './out-of-order.ts'
import { AttemptOutcome } from './test-outcome.tsx'

const words = endpointText.testing.scenarios
const TYPE = 'producersync.updates_available'

type Name = 'twice' | 'order'
type Step = { name: keyof typeof words.steps; attempt: Attempt | null }

/** What receivers meet sooner or later, on demand. Source: portal S10.4. */
export function Scenarios({ endpoint, account, example }: { endpoint: Endpoint; account: Account; example: string }) {
  const { test } = useEndpointWrites(account.id)
  const [running, setRunning] = useState<Name | null>(null)
  const [steps, setSteps] = useState<readonly Step[]>([])
  const [error, setError] = useState<unknown>(null)

  async function run(name: Name) {
    setRunning(name)
    setSteps([])
    setError(null)
    const send = async (step: Step['name'], body: TestBody) => {
      const sent = await test(endpoint.id, body)
      setSteps((before) => [...before, { name: step, attempt: sent.attempt }])
      return sent
    }
    try {
      if (name === 'twice') {
        const sent = await send('first', { eventType: TYPE })
        const attempt = await again(account.id, endpoint.id, sent)
        setSteps((before) => [...before, { name: 'again', attempt }])
      } else {
        const { later, earlier } = outOfOrder(example, new Date())
        await send('later', { eventType: TYPE, payload: later })
        await send('earlier', { eventType: TYPE, payload: earlier })
      }
    } catch (caught) {
      setError(caught)
    } finally {
      setRunning(null)
    }
  }

  return (
    <section className={layout.card} aria-labelledby="scenarios">
      <div className={layout.cardHead}>
        <h2 id="scenarios">{words.title}</h2>
      </div>
      <div className={layout.stack}>
        <p className={layout.muted}>{words.body}</p>
        {(['twice', 'order'] as const).map((name) => (
          <div key={name} className={layout.spread}>
            <div>
              <strong>{words[name]}</strong>
              <div className={layout.muted}>{name === 'twice' ? words.twiceBody : words.orderBody}</div>
            </div>
            <Button
              isSmall
              whyOff={account.whyNot('CreateAttempts')}
              pending={running === name && endpointText.testing.sendingShort}
              onPress={() => void run(name)}
            >
              {words.run}
            </Button>
          </div>
        ))}
        {error != null && <ErrorNotice error={error} />}
        <div role="status" className={layout.stack}>
          {steps.map(({ name, attempt }) => (
            <div key={name} className={layout.tight}>
              <h3>{words.steps[name]}</h3>
              {attempt ? <AttemptOutcome attempt={attempt} /> : <Notice title={endpointText.testing.queued} />}
            </div>
          ))}
        </div>
      </div>
    </section>
  )
}

/** Delivers the same event once more, and waits some seconds for what comes of it. */
async function again(account: string, endpoint: string, { msgId, attempt }: TestEvent): Promise<Attempt | null> {
  await fetchJson(account, ofAccount(account, 'msg', msgId, 'endpoint', endpoint, 'resend'), {
    method: 'POST',
    body: {},
    idempotencyKey: crypto.randomUUID(),
  })
  return await askUntil(async () => {
    const { data } = await fetchJson<Page<Attempt>>(account, ofAccount(account, 'attempt', 'msg', msgId))
    return data.find(({ id }) => id !== attempt?.id)
  })
}
