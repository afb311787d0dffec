import type { Replay } from '@producersync/server/contract'
import { useQueryClient } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { Pause, Play, X } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { useRead, type View } from '#src/api/queries.ts'
import { LiveSwitch } from '#src/live/live-switch.tsx'
import layout from '#src/look/layout.module.css'
import { Button, ButtonLink } from '#src/parts/button.tsx'
import { Detail } from '#src/parts/detail.tsx'
import { DangerDialog } from '#src/parts/dialog.tsx'
import { Fact } from '#src/parts/fact.tsx'
import { ErrorNotice, Notice } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { Progress } from '#src/parts/progress.tsx'
import { useAccount } from '#src/session/account.ts'
import { count, text } from '#src/text.ts'
import { deliveryText } from '#src/text-deliveries.ts'
import { Time } from '#src/time/time.tsx'
import { durationWords } from '#src/time/words.ts'
import { replayFilterWords } from './filter-words.ts'
import { ReplayPill, stateOfReplay } from './replay-pill.tsx'
import styles from './replays.module.css'
import { replayEndpoint } from './replays-screen.tsx'
import { Window } from './window.tsx'

const words = deliveryText.replay
/** Between what the stream tells: progress is counted, not told row by row. */
const POLL_MS = 3_000
const ENDED = new Set(['finished', 'canceled', 'failed'])

/** One replay: how far it is, what came of it, and how to hold or end it. */
export function ReplayScreen() {
  const account = useAccount()
  const { task = '' } = useParams({ strict: false })
  const [isRunning, setRunning] = useState(true)
  const view = useRead<Replay>(account.id, ofAccount(account.id, 'replay', task), {
    topics: ['task', 'delivery'],
    everyMs: isRunning ? POLL_MS : undefined,
  })
  const runs = view.kind !== 'ready' || !ENDED.has(stateOfReplay(view.data)) || view.data.waiting > 0
  if (runs !== isRunning) setRunning(runs)
  return <Whole view={view} />
}

function Whole({ view }: { view: View<Replay> }) {
  const account = useAccount()
  const crumbs = (
    <Link to="/a/$account/replays" params={{ account: account.id }}>
      {words.list}
    </Link>
  )
  return (
    <Detail view={view} title={words.job} crumbs={crumbs}>
      {(replay) => <ReplayPage replay={replay} crumbs={crumbs} />}
    </Detail>
  )
}

function ReplayPage({ replay, crumbs }: { replay: Replay; crumbs: ReactNode }) {
  const account = useAccount()
  return (
    <Page
      title={words.kinds[replay.kind].label}
      crumbs={crumbs}
      beside={<ReplayPill of={replay} />}
      acts={
        <>
          {replay.failed > 0 && (
            <ButtonLink
              to="/a/$account/log"
              params={{ account: account.id }}
              search={{ endpoint: replay.endpointId, from: replay.since, state: 'exhausted,retrying' }}
            >
              {words.failures}
            </ButtonLink>
          )}
          <ButtonLink
            to="/a/$account/log"
            params={{ account: account.id }}
            search={{ endpoint: replay.endpointId, from: replay.since, trigger: 'replay,recover' }}
          >
            {words.seeDeliveries}
          </ButtonLink>
          <Acts of={replay} account={account.id} whyNot={account.whyNot('CreateAttempts')} />
          <LiveSwitch account={account.id} />
        </>
      }
    >
      {replay.error !== null && <Notice tone="bad" title={words.errors[replay.error] ?? replay.error} />}
      <Counts of={replay} isRunning={!ENDED.has(stateOfReplay(replay))} />
      <section className={layout.card} aria-label={words.facts}>
        <Facts of={replay} account={account.id} />
      </section>
    </Page>
  )
}

function Counts({
  of: { done, failed, canceledDeliveries, skipped, waiting, planned, total, secondsLeft },
  isRunning,
}: {
  of: Replay
  isRunning: boolean
}) {
  const whole = Math.max(total ?? planned, 1)
  const ended = done + failed + canceledDeliveries + skipped
  const figures = [
    [words.done, done],
    [words.failedCount, failed],
    [words.waiting, waiting],
    [words.skipped, skipped],
    [words.canceledCount, canceledDeliveries],
  ] as const
  return (
    <section className={layout.card}>
      <Progress
        label={words.job}
        value={Math.min(ended, whole)}
        max={whole}
        words={words.progress(ended, count(total ?? planned))}
      />
      {isRunning && (
        <p className={layout.muted}>
          {words.left(secondsLeft === null ? words.leftUnknown : durationWords(secondsLeft * 1_000))}
        </p>
      )}
      <dl className={styles.figures}>
        {figures.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{count(value)}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

function Facts({ of: replay, account }: { of: Replay; account: string }) {
  const { endpointId, filter, since, until, rate, order, retry, createdAt } = replay
  return (
    <dl className={layout.facts}>
      <Fact name={words.endpoints}>
        <Link to="/a/$account/endpoints/$endpoint" params={{ account, endpoint: endpointId }}>
          {replayEndpoint(replay)}
        </Link>
      </Fact>
      <Fact name={words.window}>
        <Window from={since} to={until} />
      </Fact>
      <Fact name={words.filter}>{replayFilterWords(filter) ?? words.everything}</Fact>
      <Fact name={words.rate}>{count(rate)}</Fact>
      <Fact name={words.order}>{words.orders[order]}</Fact>
      <Fact name={words.retry}>{words.retries[retry]}</Fact>
      <Fact name={words.columns.started}>
        <Time at={createdAt} />
      </Fact>
    </dl>
  )
}

function Acts({ of: replay, account, whyNot }: { of: Replay; account: string; whyNot: string | null }) {
  const client = useQueryClient()
  const [isAsking, setAsking] = useState(false)
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const state = stateOfReplay(replay)
  if (ENDED.has(state)) return null

  async function change(word: 'pause' | 'resume' | 'cancel') {
    const path = `/api/v1/background-task/${encodeURIComponent(replay.id)}/${word}`
    await fetchJson(account, path, { method: 'POST', body: {} })
    await client.invalidateQueries({ queryKey: [account, ofAccount(account, 'replay', replay.id)] })
  }
  async function hold(word: 'pause' | 'resume') {
    setBusy(true)
    setError(null)
    try {
      await change(word)
    } catch (caught) {
      setError(caught)
    } finally {
      setBusy(false)
    }
  }
  const isPaused = state === 'paused'
  return (
    <>
      <Button
        icon={isPaused ? Play : Pause}
        onPress={() => void hold(isPaused ? 'resume' : 'pause')}
        whyOff={whyNot}
        pending={isBusy ? text.common.working : false}
      >
        {isPaused ? words.resume : words.pause}
      </Button>
      <Button icon={X} onPress={() => setAsking(true)} whyOff={whyNot}>
        {words.cancel}
      </Button>
      <DangerDialog
        title={words.cancelTitle}
        effect={words.cancelEffect(replay.waiting)}
        verb={words.cancel}
        isOpen={isAsking}
        onClose={() => setAsking(false)}
        act={() => change('cancel')}
      />
      {error != null && <ErrorNotice error={error} />}
    </>
  )
}
