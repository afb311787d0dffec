import type { Preview } from '@producersync/server/contract'
import { Link, useNavigate } from '@tanstack/react-router'
import { type DragEvent, useState } from 'react'
import { oneOf, type RawSearch } from '#src/address/search.ts'
import { useAddress } from '#src/address/use-address.ts'
import { call, ofAccount, withQuery } from '#src/api/client.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { cx } from '#src/parts/class-names.ts'
import { FileField, Radios, TextArea } from '#src/parts/field.tsx'
import { ErrorNotice } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { type Account, useAccount } from '#src/session/account.ts'
import { ForbiddenScreen } from '#src/shell/other-screens.tsx'
import { producerText } from '#src/text-producers.ts'
import { PARTS, PreviewPart } from './preview-part.tsx'
import styles from './producers.module.css'

const words = producerText.change
const MODES = ['add', 'remove', 'replace'] as const
type Mode = (typeof MODES)[number]
const KNOWN = { mode: oneOf(MODES), part: oneOf(PARTS) }
const FILE_BYTES_MAX = 20_000_000

/** Changes the population by a list: given, then seen as a difference, then applied exactly so. Source: portal P2. */
export function ChangeScreen() {
  const account = useAccount()
  const { raw, faults } = useAddress(KNOWN)
  const { mode, preview, npns } = raw
  if (!account.can('ManagePopulation')) return <ForbiddenScreen needed="ManagePopulation" />
  const chosen = MODES.find((one) => one === mode) ?? 'add'
  return (
    <Page
      title={words.titles[chosen]}
      crumbs={
        <Link to="/a/$account/producers" params={{ account: account.id }}>
          {producerText.producers.title}
        </Link>
      }
      lead={words.lead}
      ignored={faults}
    >
      <Steps at={preview === undefined ? 'list' : 'check'} />
      {preview === undefined ? (
        <Given account={account} mode={chosen} start={(npns ?? '').replaceAll(',', '\n')} />
      ) : (
        <PreviewPart account={account} id={preview} />
      )}
    </Page>
  )
}

const STEPS = ['list', 'check', 'change'] as const

/** How far it has come; only the last of them changes anything. */
function Steps({ at }: { at: (typeof STEPS)[number] }) {
  return (
    <ol className={styles.steps}>
      {STEPS.map((step) => (
        <li key={step} aria-current={step === at ? 'step' : undefined}>
          {words.steps[step]}
        </li>
      ))}
    </ol>
  )
}

/** First step: what is to be done, and the list. */
function Given({ account, mode, start }: { account: Account; mode: Mode; start: string }) {
  const navigate = useNavigate()
  const [typed, setTyped] = useState(start)
  const [file, setFile] = useState<File | null>(null)
  /** Another one makes the control anew, which else keeps the name of its file. */
  const [round, setRound] = useState(0)
  const [isOver, setOver] = useState(false)
  const [isChecking, setChecking] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const problem =
    file === null && typed.trim() === '' ? words.nothing : file && file.size > FILE_BYTES_MAX ? words.tooLarge : null

  async function check() {
    setChecking(true)
    setError(null)
    try {
      const path = withQuery(ofAccount(account.id, 'population', 'preview'), { mode })
      const isCsv = file ? !file.name.toLowerCase().endsWith('.txt') : /[,;\t]/.test(typed)
      const response = await call(account.id, path, {
        method: 'POST',
        rawBody: file ?? typed,
        contentType: isCsv ? 'text/csv' : 'text/plain',
      })
      const preview = (await response.json()) as Preview
      await navigate({ to: '.', search: (before: RawSearch) => ({ ...before, mode, preview: preview.id }) })
    } catch (caught) {
      setError(caught)
    } finally {
      setChecking(false)
    }
  }

  function drop(event: DragEvent) {
    event.preventDefault()
    setOver(false)
    setFile(event.dataTransfer.files[0] ?? null)
  }

  return (
    <section className={cx(layout.card, layout.stack, styles.given)} aria-label={words.steps.list}>
      {error != null && <ErrorNotice error={error} />}
      <Radios
        label={words.what}
        value={mode}
        onChange={(next) =>
          void navigate({ to: '.', search: (before: RawSearch) => ({ ...before, mode: next }), replace: true })
        }
        options={MODES.map((value) => ({ value, label: words.modes[value], hint: words.modeHints[value] }))}
      />
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a file can be chosen by the button inside it, too */}
      <div
        className={cx(styles.drop, isOver && styles.isOver)}
        onDragOver={(event) => {
          event.preventDefault()
          setOver(true)
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <FileField
          key={round}
          id="file"
          label={words.file}
          hint={file ? words.chosen(file.name) : words.fileHint}
          accept=".csv,.txt,.tsv,text/csv,text/plain"
          onChange={setFile}
        />
        {file !== null && (
          <Button
            isSmall
            onPress={() => {
              setFile(null)
              setRound(round + 1)
            }}
          >
            {words.pasteInstead}
          </Button>
        )}
      </div>
      {file === null && (
        <TextArea label={words.paste} hint={words.pasteHint} value={typed} onChange={setTyped} rows={8} isMono />
      )}
      <div className={layout.row}>
        <Button kind="primary" whyOff={problem} pending={isChecking && words.checking} onPress={() => void check()}>
          {words.check}
        </Button>
        {problem !== null && <span className={layout.muted}>{problem}</span>}
      </div>
    </section>
  )
}
