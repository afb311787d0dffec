import type { Page as ApiPage, PopulationJob, Preview, PreviewRow } from '@producersync/server/contract'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { useAddress } from '#src/address/use-address.ts'
import { call, fetchJson, ofAccount } from '#src/api/client.ts'
import { mapView, useRead } from '#src/api/queries.ts'
import { useRefresh } from '#src/api/refresh.ts'
import { ApiError } from '#src/api/request.ts'
import { useWriteKeys } from '#src/api/write-keys.ts'
import layout from '#src/look/layout.module.css'
import { Button, ButtonLink } from '#src/parts/button.tsx'
import { cx } from '#src/parts/class-names.ts'
import { DangerDialog } from '#src/parts/dialog.tsx'
import { type Column, Listing } from '#src/parts/listing.tsx'
import { Empty, ErrorNotice, Notice, Part } from '#src/parts/notice.tsx'
import { pageLinks } from '#src/parts/page-links.tsx'
import { saveFile } from '#src/parts/save-file.ts'
import type { Account } from '#src/session/account.ts'
import { count, text } from '#src/text.ts'
import { producerText } from '#src/text-producers.ts'
import { Time } from '#src/time/time.tsx'
import styles from './producers.module.css'

const words = producerText.change
export const PARTS = ['add', 'remove', 'same', 'repeated', 'invalid'] as const

type Rows = ApiPage<PreviewRow> & { preview: Preview }

/** Second step: the difference, before anything happens. */
export function PreviewPart({ account, id }: { account: Account; id: string }) {
  const search = useSearch({ strict: false })
  const path = ofAccount(account.id, 'population', 'preview', id)
  const chosen = PARTS.find((part) => part === search.part)
  const first = useRead<Rows>(account.id, path, { query: { limit: 1 } })
  const whole = mapView(first, ({ preview }) => preview)
  const counts = whole.kind === 'ready' ? whole.data.counts : null
  const part = chosen ?? PARTS.find((one) => one !== 'same' && (counts?.[one] ?? 0) > 0) ?? 'add'
  return (
    <Part of={whole}>
      {(preview) => (
        <div className={layout.stack}>
          <p className={layout.muted}>
            {words.read(preview.counts.rows, preview.column)}
            {' · '}
            {words.keptUntil} <Time at={preview.expiresAt} form="time" />
          </p>
          <nav className={styles.parts} aria-label={words.parts}>
            {PARTS.map((one) => (
              <Link
                key={one}
                to="."
                search={{ ...search, part: one, cursor: undefined }}
                resetScroll={false}
                className={cx(styles.part, one === 'invalid' && preview.counts[one] > 0 && styles.isBad)}
                aria-current={one === part ? 'true' : undefined}
              >
                <span>{words.partNames[one]}</span>
                <strong>{count(preview.counts[one])}</strong>
              </Link>
            ))}
          </nav>
          <PreviewRows account={account} path={path} part={part} />
          <Apply account={account} preview={preview} path={path} />
        </div>
      )}
    </Part>
  )
}

function PreviewRows({ account, path, part }: { account: Account; path: string; part: (typeof PARTS)[number] }) {
  const { values, change } = useAddress()
  const view = useRead<Rows>(account.id, path, { query: { part, limit: 50, iterator: values.cursor } })
  const page = view.kind === 'ready' ? view.data : null
  const columns: Column<PreviewRow>[] = [
    { key: 'line', head: words.line, cell: ({ line }) => (line === null ? words.noLine : count(line)) },
    { key: 'value', head: words.value, isPlain: true, cell: ({ value }) => <code>{value}</code> },
  ]
  if (part === 'repeated' || part === 'invalid') {
    columns.push({ key: 'message', head: words.reason, isPlain: true, cell: ({ message }) => message ?? '' })
  }
  return (
    <Listing
      name={words.partNames[part]}
      view={mapView(view, ({ data }) => data)}
      keyOf={({ line, value }) => `${line} ${value}`}
      columns={columns}
      empty={<Empty title={words.noRows(words.partNames[part])} />}
      foot={pageLinks(page, { values, change })}
    />
  )
}

function Apply({ account, preview, path }: { account: Account; preview: Preview; path: string }) {
  const navigate = useNavigate()
  const refresh = useRefresh(account.id)
  const keys = useWriteKeys()
  const [isApplying, setApplying] = useState(false)
  const [isAsking, setAsking] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const { add, remove } = preview.counts
  const verb = words.apply(add, remove)
  const isNothing = add === 0 && remove === 0

  async function apply(): Promise<void> {
    const body = { previewId: preview.id, ...(preview.mustConfirm && { confirmRemovals: remove }) }
    const job = await fetchJson<PopulationJob>(account.id, ofAccount(account.id, 'population', 'change'), {
      method: 'POST',
      body,
      idempotencyKey: keys.keyFor(body),
    })
    await refresh()
    await navigate({ to: '/a/$account/producers/jobs/$job', params: { account: account.id, job: job.id } })
  }

  async function applyNow() {
    setApplying(true)
    setError(null)
    try {
      await apply()
    } catch (caught) {
      setError(caught)
    } finally {
      setApplying(false)
    }
  }

  async function download() {
    const response = await call(account.id, `${path}/csv`)
    saveFile('population-difference.csv', 'text/csv', await response.blob())
  }

  const newer = error instanceof ApiError && typeof error.fields.previewId === 'string' ? error.fields.previewId : null
  if (preview.jobId !== null) {
    return (
      <Notice
        title={words.applied}
        acts={
          <ButtonLink isSmall to="/a/$account/producers/jobs/$job" params={{ account: account.id, job: preview.jobId }}>
            {words.seeJob}
          </ButtonLink>
        }
      />
    )
  }
  return (
    <div className={layout.stack}>
      <p>{words.sends(preview.events.activated, preview.events.deactivated, preview.events.endpoints)}</p>
      {error != null &&
        (newer === null ? (
          <ErrorNotice error={error} />
        ) : (
          <Notice
            tone="warn"
            title={words.changed}
            acts={
              <ButtonLink
                isSmall
                to="/a/$account/producers/change"
                params={{ account: account.id }}
                search={{ mode: preview.mode, preview: newer }}
              >
                {words.seeNew}
              </ButtonLink>
            }
          />
        ))}
      <div className={layout.row}>
        <Button
          kind="primary"
          whyOff={isNothing ? words.noDifference : null}
          pending={isApplying && text.common.working}
          onPress={() => (preview.mustConfirm ? setAsking(true) : void applyNow())}
        >
          {verb}
        </Button>
        <Button onPress={() => void download().catch(setError)}>{words.download}</Button>
        <ButtonLink to="/a/$account/producers/change" params={{ account: account.id }} search={{ mode: preview.mode }}>
          {words.another}
        </ButtonLink>
        <span className={layout.muted}>{words.nothingChangedYet}</span>
      </div>
      <DangerDialog
        title={words.confirmTitle(remove)}
        effect={words.confirmEffect(remove, preview.population.before)}
        verb={verb}
        confirm={account.name}
        isOpen={isAsking}
        onClose={() => setAsking(false)}
        act={apply}
      />
    </div>
  )
}
