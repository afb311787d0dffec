import type { SandboxClock } from '@producersync/server/contract'
import { useState } from 'react'
import { fetchJson } from '#src/api/client.ts'
import { useRead } from '#src/api/queries.ts'
import { useRefresh } from '#src/api/refresh.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { Select, TextField } from '#src/parts/field.tsx'
import { ErrorNotice } from '#src/parts/notice.tsx'
import { say } from '#src/parts/toast.tsx'
import type { Account } from '#src/session/account.ts'
import { text } from '#src/text.ts'
import { producerText } from '#src/text-producers.ts'
import { Time } from '#src/time/time.tsx'

const words = producerText.sandbox
const SCENARIOS = ['normal', 'no_changes', 'bulk_expiry', 'late', 'fails_once', 'fails', 'no_report', 'slow'] as const

/** What only a sandbox can: start a run as it is wanted, and set the clock. */
export function SandboxCard({ account }: { account: Account }) {
  const clock = useRead<SandboxClock>(account.id, '/v1/sandbox/clock')
  const [scenario, setScenario] = useState<(typeof SCENARIOS)[number]>('normal')
  const [moment, setMoment] = useState('')
  const [acting, setActing] = useState<'run' | 'clock' | null>(null)
  const [error, setError] = useState<unknown>(null)
  const refresh = useRefresh(account.id)
  const whyOff = account.role === 'viewer' ? text.needs(text.capabilities.ManagePopulation ?? '') : null

  async function act(what: 'run' | 'clock') {
    setActing(what)
    setError(null)
    try {
      if (what === 'run') await fetchJson(account.id, '/v1/sandbox/runs', { method: 'POST', body: { scenario } })
      else {
        const now = new Date(`${moment}:00Z`).toISOString()
        await fetchJson(account.id, '/v1/sandbox/clock', { method: 'PUT', body: { now } })
      }
      say(what === 'run' ? words.started : words.clockSet)
      await refresh()
    } catch (caught) {
      setError(caught)
    } finally {
      setActing(null)
    }
  }

  return (
    <section className={layout.card} aria-labelledby="sandbox">
      <div className={layout.cardHead}>
        <h2 id="sandbox">{words.title}</h2>
        {clock.kind === 'ready' && (
          <span className={layout.muted}>
            {words.clock} <Time at={clock.data.now} form="short" />
          </span>
        )}
      </div>
      {error != null && <ErrorNotice error={error} />}
      <div className={layout.fields}>
        <Select
          label={words.scenario}
          value={scenario}
          onChange={setScenario}
          options={SCENARIOS.map((value) => ({ value, label: words.scenarios[value] }))}
        />
        <Button whyOff={whyOff} pending={acting === 'run' && text.common.working} onPress={() => void act('run')}>
          {words.start}
        </Button>
        <TextField label={words.setTo} type="datetime-local" value={moment} onChange={setMoment} />
        <Button
          whyOff={whyOff ?? (moment === '' ? words.enterMoment : null)}
          pending={acting === 'clock' && text.common.working}
          onPress={() => void act('clock')}
        >
          {words.set}
        </Button>
      </div>
    </section>
  )
}
