import { useSearch } from '@tanstack/react-router'
import { Bookmark, X } from 'lucide-react'
import { type SubmitEvent, useState } from 'react'
import { type RawSearch, stringifySearch } from '#src/address/search.ts'
import { keep, kept } from '#src/look/kept.ts'
import { Button, ButtonLink, IconButton } from '#src/parts/button.tsx'
import { Dialog, DialogActs } from '#src/parts/dialog.tsx'
import { TextField } from '#src/parts/field.tsx'
import { useAccount } from '#src/session/account.ts'
import { text } from '#src/text.ts'
import { deliveryText } from '#src/text-deliveries.ts'
import styles from './log.module.css'

const words = deliveryText.log
const OWN_MAX = 20

/** Those that everybody has. */
const VIEWS: readonly { name: string; search: RawSearch }[] = [
  { name: words.view.failed, search: { state: 'retrying,exhausted' } },
  { name: words.view.retrying, search: { state: 'retrying' } },
  { name: words.view.exhausted, search: { state: 'exhausted' } },
  { name: words.view.slow, search: { slow: 'true' } },
]

/** Filters under a name. One's own are kept in this browser; they are links as any other. */
export function SavedViews() {
  const { id: account } = useAccount()
  const search: RawSearch = useSearch({ strict: false })
  const [own, setOwn] = useState(() => readOwn(account))
  const [isNaming, setNaming] = useState(false)
  const { cursor: _, tab, ...chosen } = search
  const change = (next: typeof own) => {
    keep(keyOf(account), JSON.stringify(next))
    setOwn(next)
  }
  return (
    <nav className={styles.views} aria-label={words.views}>
      {VIEWS.map((view) => (
        <ButtonLink key={view.name} isSmall to="." search={{ ...view.search, tab }}>
          {view.name}
        </ButtonLink>
      ))}
      {own.map((view) => (
        <span key={view.name} className={styles.group}>
          <ButtonLink isSmall to="." search={{ ...view.search, tab }}>
            {view.name}
          </ButtonLink>
          <IconButton
            icon={X}
            name={words.forgetView(view.name)}
            onPress={() => change(own.filter(({ name }) => name !== view.name))}
          />
        </span>
      ))}
      {stringifySearch(chosen) !== '' && own.length < OWN_MAX && (
        <Button isSmall kind="quiet" icon={Bookmark} onPress={() => setNaming(true)}>
          {words.saveView}
        </Button>
      )}
      {isNaming && (
        <NameDialog
          onClose={() => setNaming(false)}
          onName={(name) => change([...own.filter((view) => view.name !== name), { name, search: chosen }])}
        />
      )}
    </nav>
  )
}

function NameDialog({ onClose, onName }: { onClose: () => void; onName: (name: string) => void }) {
  const [name, setName] = useState('')
  function save(event: SubmitEvent) {
    event.preventDefault()
    if (name.trim() === '') return
    onName(name.trim())
    onClose()
  }
  return (
    <Dialog title={words.saveViewTitle} isOpen onClose={onClose}>
      <form onSubmit={save}>
        <TextField label={words.viewName} hint={words.viewNameHint} value={name} onChange={setName} autoFocus />
        <DialogActs>
          <Button onPress={onClose}>{text.common.cancel}</Button>
          <Button kind="primary" type="submit">
            {text.common.save}
          </Button>
        </DialogActs>
      </form>
    </Dialog>
  )
}

function keyOf(account: string): string {
  return `psapi.views ${account}`
}

/** What somebody else has put there is not taken for a view. */
function readOwn(account: string): readonly { name: string; search: RawSearch }[] {
  try {
    const stored: unknown = JSON.parse(kept(keyOf(account)) ?? '[]')
    return Array.isArray(stored) ? stored.filter(isView).slice(0, OWN_MAX) : []
  } catch {
    return []
  }
}

function isView(stored: unknown): stored is { name: string; search: RawSearch } {
  if (typeof stored !== 'object' || stored === null || !('name' in stored) || !('search' in stored)) return false
  const { name, search } = stored
  if (typeof name !== 'string' || typeof search !== 'object' || search === null) return false
  return Object.values(search).every((value) => typeof value === 'string')
}
