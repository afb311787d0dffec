import type { Page, Replay, ReplayPreview, ReplayPreviewIn } from '@producersync/server/contract'
import { Link, useNavigate } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { useWriteKeys } from '#src/api/write-keys.ts'
import { endpointName } from '#src/endpoints/url.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { Dialog, DialogActs } from '#src/parts/dialog.tsx'
import { Radios, Select, TextField } from '#src/parts/field.tsx'
import { ErrorNotice, Notice, Skeleton } from '#src/parts/notice.tsx'
import { useAccount } from '#src/session/account.ts'
import { countOf, plural, text } from '#src/text.ts'
import { deliveryText } from '#src/text-deliveries.ts'
import { durationWords } from '#src/time/words.ts'
import styles from './replays.module.css'
import { type DryRun, useDryRun } from './use-dry-run.ts'
import { Window } from './window.tsx'

const words = deliveryText.replay
const RATE_DEFAULT = 20
const RATE_MAX = 1_000
const WEEK_MS = 7 * 86_400_000
/** More than that asks to type a name first. */
const UNCONFIRMED_MAX = 1_000

type Kind = ReplayPreviewIn['kind']

/** What a replay is asked for, before its kind, pace and order are chosen. */
export type ReplayWish = {
  kind: Kind
  /** null: all endpoints of the account. */
  endpointIds: readonly string[] | null
  /** The filter of `GET A/delivery`, as an object. */
  filter: Readonly<Record<string, unknown>>
  /** The filter in words; undefined: everything in the period. */
  filterWords?: string
}

/** What failed there in the last week: what most people who press Replay at an endpoint mean. */
export function failedAt(endpoint: string): ReplayWish {
  return {
    kind: 'recover',
    endpointIds: [endpoint],
    // among what failed are the requests of a signature check, which are meant to
    filter: { from: new Date(Date.now() - WEEK_MS).toISOString(), test: false },
    filterWords: deliveryText.log.test.false,
  }
}

/**
 * Asks for a replay: first a dry run, by which nothing is sent, then exactly that, up to the moment of the dry run.
 * It is drawn while it is open, and is another one each time.
 */
export function ReplayDialog({ wish, onClose }: { wish: ReplayWish; onClose: () => void }) {
  const account = useAccount()
  const navigate = useNavigate()
  const [kind, setKind] = useState<Kind>(wish.kind)
  const [retry, setRetry] = useState<'none' | 'schedule'>('schedule')
  const [order, setOrder] = useState<'oldest' | 'newest'>('oldest')
  const [rate, setRate] = useState(String(RATE_DEFAULT))
  const [typed, setTyped] = useState('')
  const [isStarting, setStarting] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const keys = useWriteKeys()
  const dryRun = useDryRun(account.id, {
    kind,
    retry,
    endpointIds: wish.endpointIds === null ? null : [...wish.endpointIds],
    filter: wish.filter,
  })

  const perSecond = /^[0-9]{1,4}$/.test(rate) ? Number(rate) : 0
  const isRateOk = perSecond >= 1 && perSecond <= RATE_MAX
  const preview = dryRun.kind === 'ready' ? dryRun.preview : null
  const only = preview?.perEndpoint.length === 1 ? preview.perEndpoint[0] : undefined
  const name = only ? endpointName(only) : account.name
  const asksName = preview !== null && preview.count > UNCONFIRMED_MAX

  function whyOff(): string | null {
    if (!preview) return words.first
    if (preview.count === 0) return words.nothing
    if (!isRateOk) return words.rateFault
    if (preview.perEndpoint.some(isBlocked)) return words.blocked
    return asksName && typed.trim() !== name ? text.danger.typeFirst : null
  }

  async function start() {
    if (!preview) return
    setStarting(true)
    setError(null)
    try {
      const body = { previewId: preview.previewId, rate: perSecond, order }
      const { data } = await fetchJson<Pick<Page<Replay>, 'data'>>(account.id, ofAccount(account.id, 'replay'), {
        method: 'POST',
        body,
        idempotencyKey: keys.keyFor(body),
      })
      const [first] = data
      onClose()
      if (first && data.length === 1) {
        await navigate({ to: '/a/$account/replays/$task', params: { account: account.id, task: first.id } })
      } else {
        await navigate({ to: '/a/$account/replays', params: { account: account.id } })
      }
    } catch (caught) {
      setError(caught)
    } finally {
      setStarting(false)
    }
  }

  return (
    <Dialog title={words.title} isOpen onClose={onClose} isWide>
      <div className={layout.stack}>
        <Radios
          label={words.kind}
          value={kind}
          onChange={setKind}
          options={(['recover', 'replay-missing', 'bulk-replay'] as const).map((value) => ({
            value,
            ...words.kinds[value],
          }))}
        />
        <dl className={layout.facts}>
          <dt>{words.filter}</dt>
          <dd>{wish.filterWords ?? words.everything}</dd>
          {preview && (
            <>
              <dt>{words.endpoints}</dt>
              <dd>{endpointsOf(preview, wish)}</dd>
              <dt>{words.window}</dt>
              <dd>
                <Window from={preview.since} to={preview.until} /> <span className={layout.muted}>{words.frozen}</span>
              </dd>
            </>
          )}
        </dl>
        <div className={styles.manner}>
          <TextField
            label={words.rate}
            name="rate"
            value={rate}
            onChange={setRate}
            inputMode="numeric"
            error={isRateOk ? undefined : words.rateFault}
          />
          <Select
            label={words.order}
            value={order}
            onChange={setOrder}
            options={(['oldest', 'newest'] as const).map((value) => ({ value, label: words.orders[value] }))}
          />
          <Select
            label={words.retry}
            value={retry}
            onChange={setRetry}
            options={(['schedule', 'none'] as const).map((value) => ({ value, label: words.retries[value] }))}
          />
        </div>
        <section className={styles.dryRun} aria-label={words.dryRun} aria-live="polite">
          <DryRunResult of={dryRun} perSecond={isRateOk ? perSecond : null} account={account.id} />
        </section>
        {asksName && <TextField label={text.danger.typeName(name)} value={typed} onChange={setTyped} isMono />}
        {error != null && <ErrorNotice error={error} />}
        <DialogActs>
          <Button onPress={onClose} autoFocus>
            {text.common.cancel}
          </Button>
          <Button
            kind="primary"
            onPress={() => void start()}
            whyOff={whyOff()}
            pending={isStarting ? words.starting : false}
          >
            {words.start(preview ? countOf(preview) : '…')}
          </Button>
        </DialogActs>
      </div>
    </Dialog>
  )
}

/** Of several, each is named with its count below. */
function endpointsOf({ perEndpoint }: ReplayPreview, { endpointIds }: ReplayWish): string {
  const [only] = perEndpoint
  if (endpointIds === null) return words.anyEndpoint
  return only && perEndpoint.length === 1 ? endpointName(only) : plural(perEndpoint.length, 'endpoint')
}

function DryRunResult({ of: run, perSecond, account }: { of: DryRun; perSecond: number | null; account: string }) {
  if (run.kind === 'failed') return <ErrorNotice error={run.error} retry={run.again} />
  if (run.kind === 'running') {
    return (
      <>
        <span className={layout.muted}>{words.running}</span>
        <Skeleton rows={2} />
      </>
    )
  }
  const { preview } = run
  const left = exclusions(preview)
  return (
    <>
      <strong className={styles.found}>
        {words.counted(preview)}
        {perSecond !== null && preview.count > 0 && (
          <span className={layout.muted}>{words.took(durationWords((preview.count / perSecond) * 1_000))}</span>
        )}
      </strong>
      {preview.count === 0 && <p>{words.nothing}</p>}
      {preview.oldest && preview.newest && (
        <p className={layout.small}>
          {words.range} <Window from={preview.oldest} to={preview.newest} />
        </p>
      )}
      {left.length > 0 && <p className={layout.small}>{words.excludedAre(left.join(', '))}</p>}
      {preview.perEndpoint.length > 1 && (
        <ul className={styles.endpoints}>
          {preview.perEndpoint.map((each) => (
            <li key={each.endpointId}>{words.countedOf(endpointName(each), each)}</li>
          ))}
        </ul>
      )}
      {preview.perEndpoint.filter(isBlocked).map((each) => (
        <Notice key={each.endpointId} tone="warn" title={endpointName(each)}>
          {blockWords(each, account)}
        </Notice>
      ))}
    </>
  )
}

type EndpointCount = ReplayPreview['perEndpoint'][number]

function isBlocked({ disabled, runningReplayId }: EndpointCount): boolean {
  return disabled || runningReplayId !== null
}

function blockWords({ disabled, runningReplayId, endpointId }: EndpointCount, account: string): ReactNode {
  if (disabled || runningReplayId === null) {
    return (
      <Link to="/a/$account/endpoints/$endpoint" params={{ account, endpoint: endpointId }}>
        {words.disabled}
      </Link>
    )
  }
  return (
    <>
      {words.busy}{' '}
      <Link to="/a/$account/replays/$task" params={{ account, task: runningReplayId }}>
        {runningReplayId}
      </Link>
    </>
  )
}

function exclusions({ excluded }: ReplayPreview): string[] {
  const { delivered, payloadGone, planned } = words.excludedWords
  return [
    ...(excluded.delivered > 0 ? [delivered(excluded.delivered)] : []),
    ...(excluded.payloadGone > 0 ? [payloadGone(excluded.payloadGone)] : []),
    ...(excluded.planned > 0 ? [planned(excluded.planned)] : []),
  ]
}
