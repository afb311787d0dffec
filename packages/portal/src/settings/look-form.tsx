import type { AccountSettings, Logo } from '@producersync/server/contract'
import { type SubmitEvent, useState } from 'react'
import { fetchJson } from '#src/api/client.ts'
import { useRead } from '#src/api/queries.ts'
import { useRefresh } from '#src/api/refresh.ts'
import { ApiError } from '#src/api/request.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { cx } from '#src/parts/class-names.ts'
import { FileField, TextField } from '#src/parts/field.tsx'
import { ErrorNotice } from '#src/parts/notice.tsx'
import { say } from '#src/parts/toast.tsx'
import { text } from '#src/text.ts'
import { accountText } from '#src/text-account.ts'
import styles from './look-form.module.css'

const words = accountText.branding
const LOGO_BYTES_MAX = 100_000

type Props = {
  /** Whose token, and whose answers are read anew. */
  account: string
  path: string
  settings: Pick<AccountSettings, 'branding' | 'look'>
  whyNot: string | null
  /** After something has changed. */
  onChanged?: () => Promise<void>
}

/** Name, accent, corners and logo, of an account or of all accounts. */
export function LookForm({
  account,
  path,
  settings: { branding, look },
  whyNot,
  onChanged,
  heading,
  nameHint,
}: Props & {
  /** Where the page is about more than this. */
  heading?: string
  /** What stands there when no name is given. */
  nameHint: string
}) {
  const [name, setName] = useState(branding.name ?? '')
  const [accent, setAccent] = useState(branding.accent ?? '')
  const [radius, setRadius] = useState(branding.radius === null ? '' : String(branding.radius))
  const [isSaving, setSaving] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const refresh = useRefresh(account)
  const faultOf = (field: string) => (error instanceof ApiError ? error.faultOf(field) : undefined)

  async function save(event: SubmitEvent) {
    event.preventDefault()
    if (whyNot !== null || isSaving) return
    setSaving(true)
    setError(null)
    try {
      const body = {
        name: name.trim() || null,
        accent: accent.trim() || null,
        radius: radius.trim() === '' ? null : Number(radius),
      }
      await fetchJson(account, path, { method: 'PATCH', body })
      say(text.common.saved)
      await refresh()
      await onChanged?.()
    } catch (caught) {
      setError(caught)
    } finally {
      setSaving(false)
    }
  }

  return (
    <section className={layout.card} aria-label={words.look}>
      {heading !== undefined && (
        <div className={layout.cardHead}>
          <h2>{heading}</h2>
        </div>
      )}
      <form className={cx(layout.stack, layout.text)} onSubmit={(event) => void save(event)}>
        {error != null && <ErrorNotice error={error} />}
        <TextField
          label={words.name}
          name="name"
          hint={nameHint}
          error={faultOf('name')}
          value={name}
          onChange={setName}
        />
        <TextField
          label={words.accent}
          name="accent"
          hint={words.accentHint}
          error={faultOf('accent')}
          value={accent}
          onChange={setAccent}
          placeholder="#0b625c"
          isMono
        />
        {look.colours && branding.accent !== null && (
          <div className={styles.swatches}>
            <Swatch colour={branding.accent} label={words.asked} />
            <Swatch colour={look.colours.light.accent} on="#ffffff" label={words.inLight} />
            <Swatch colour={look.colours.dark.accent} on="#151e1d" label={words.inDark} />
          </div>
        )}
        <TextField
          label={words.radius}
          name="radius"
          hint={words.radiusHint}
          error={faultOf('radius')}
          type="number"
          min={0}
          max={16}
          value={radius}
          onChange={setRadius}
        />
        <div className={layout.row}>
          <Button kind="primary" type="submit" whyOff={whyNot} pending={isSaving && text.common.saving}>
            {text.common.save}
          </Button>
        </div>
      </form>
      <LogoField account={account} path={path} hasLogo={branding.hasLogo} whyNot={whyNot} onChanged={onChanged} />
    </section>
  )
}

/** A colour with its value; what is written on it is the value's only copy that needs no eye for colours. */
function Swatch({ colour, on, label }: { colour: string; on?: string; label: string }) {
  return (
    <span className={styles.swatch}>
      <span className={styles.colour} style={{ background: colour, borderColor: on ?? colour }} aria-hidden="true" />
      <span>
        <span className={layout.muted}>{label}</span> <code>{colour}</code>
      </span>
    </span>
  )
}

function LogoField({ account, path, hasLogo, whyNot, onChanged }: Omit<Props, 'settings'> & { hasLogo: boolean }) {
  const [error, setError] = useState<unknown>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const refresh = useRefresh(account)
  const view = useRead<Logo>(account, `${path}/logo`, { isEnabled: hasLogo })
  const logo = hasLogo && view.kind === 'ready' ? view.data : null

  async function change(work: () => Promise<unknown>) {
    setError(null)
    setProblem(null)
    try {
      await work()
      say(text.common.saved)
      await refresh()
      await onChanged?.()
    } catch (caught) {
      setError(caught)
    }
  }

  async function put(file: File | null) {
    if (!file) return
    if (file.size > LOGO_BYTES_MAX || !/^image\/(png|webp)$/.test(file.type)) {
      setProblem(words.logoWrong)
      return
    }
    const data = await base64Of(file)
    await change(() => fetchJson(account, `${path}/logo`, { method: 'PUT', body: { contentType: file.type, data } }))
  }

  return (
    <div className={cx(layout.stack, styles.apart)}>
      <FileField
        id="logo"
        label={words.logo}
        hint={whyNot ?? words.logoHint}
        error={problem ?? undefined}
        accept="image/png,image/webp"
        isOff={whyNot !== null}
        isSentAtOnce
        onChange={(file) => void put(file)}
      />
      {logo && (
        <div className={layout.row}>
          <img src={`data:${logo.contentType};base64,${logo.data}`} alt={words.logoAlt} className={styles.logo} />
          <Button
            isSmall
            whyOff={whyNot}
            onPress={() => void change(() => fetchJson(account, `${path}/logo`, { method: 'DELETE' }))}
          >
            {words.logoRemove}
          </Button>
        </div>
      )}
      {error != null && <ErrorNotice error={error} />}
    </div>
  )
}

async function base64Of(file: File): Promise<string> {
  const reader = new FileReader()
  const read = new Promise<void>((resolve, reject) => {
    reader.onload = () => resolve()
    reader.onerror = () => reject(reader.error ?? new Error('The file cannot be read.'))
  })
  reader.readAsDataURL(file)
  await read
  return (reader.result as string).split(',')[1] ?? '' // a data URL, as it was read as one
}
