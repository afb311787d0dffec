import { Outlet, useNavigate } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense, useEffect, useMemo, useState } from 'react'
import { listenForShortcuts, type Shortcut, useShortcuts } from '#src/keys/shortcuts.ts'
import { CommandsButton } from '#src/parity/commands-button.tsx'
import { stepRow } from '#src/parts/listing.tsx'
import { say } from '#src/parts/toast.tsx'
import { text } from '#src/text.ts'
import { toggleUtc } from '#src/time/zone.ts'
import type { Place } from './places.ts'
import { Rail, RailSheet } from './rail.tsx'
import styles from './shell.module.css'
import { UserMenu, ZoneSwitch } from './top-bar.tsx'

const ShortcutsDialog = lazy(async () => ({
  default: (await import('#src/keys/shortcuts-dialog.tsx')).ShortcutsDialog,
}))

/** What stands around every screen: the rail with its places, the bar, and the keys that work everywhere. */
export function Shell({
  places,
  account,
  logo = null,
  start,
  find,
  banner,
}: {
  places: readonly (readonly Place[])[]
  account: string | null
  /** The source of an image; null: the product's own mark. */
  logo?: string | null
  start: ReactNode
  find: ReactNode
  /** Above every screen. */
  banner?: ReactNode
}) {
  const [isHelpOpen, setHelpOpen] = useState(false)
  const navigate = useNavigate()
  const params = useMemo(() => (account === null ? {} : { account }), [account])

  useShortcuts(
    useMemo(
      (): Shortcut[] => [
        { keys: '?', name: text.keys.help, act: () => setHelpOpen(true) },
        { keys: 'u', name: text.keys.utc, act: toggleUtc },
        { keys: 'j', name: text.keys.next, act: () => stepRow(1) },
        { keys: 'k', name: text.keys.previous, act: () => stepRow(-1) },
        { keys: 'o', name: text.keys.openTab, act: openRow },
        { keys: 'x', name: text.keys.select, act: selectRow },
        { keys: 'c', name: text.keys.copyId, act: copyRow },
        ...places
          .flat()
          .flatMap(({ to, name, key }) =>
            key ? [{ keys: `g ${key}`, name: text.keys.go(name), act: () => void navigate({ to, params }) }] : [],
          ),
      ],
      [places, params, navigate],
    ),
  )
  useEffect(() => {
    const listening = new AbortController()
    listenForShortcuts(listening.signal)
    return () => listening.abort()
  }, [])

  return (
    <div className={styles.shell}>
      <a href="#content" className={styles.skip}>
        {text.shell.skip}
      </a>
      <Rail places={places} params={params} logo={logo} />
      <div className={styles.main}>
        <header className={styles.bar}>
          <RailSheet places={places} params={params} logo={logo} />
          {start}
          {find}
          <span className={styles.right}>
            <CommandsButton />
            <ZoneSwitch settingsOf={account} />
            <UserMenu onShortcuts={() => setHelpOpen(true)} />
          </span>
        </header>
        <main id="content" tabIndex={-1} className={styles.content}>
          {banner}
          <Outlet />
        </main>
      </div>
      {isHelpOpen && (
        <Suspense>
          <ShortcutsDialog onClose={() => setHelpOpen(false)} />
        </Suspense>
      )}
    </div>
  )
}

function focusedRow(): HTMLElement | null {
  return document.activeElement?.closest<HTMLElement>('[data-row]') ?? null
}

/** Chooses the row that has the focus, or not any more, where rows can be chosen. */
function selectRow(): void {
  focusedRow()?.querySelector<HTMLElement>('input[type="checkbox"]')?.click()
}

/** Copies what names the row; where the clipboard is blocked its copy button says so. */
function copyRow(): void {
  const row = focusedRow()
  const [id] = row?.dataset.row?.split(':') ?? []
  if (id === undefined) return
  navigator.clipboard.writeText(id).then(
    () => say(text.copy.done),
    () => row?.querySelector<HTMLElement>('[data-copy]')?.click(),
  )
}

/** The row that has the focus, in a tab of its own. */
function openRow(): void {
  const link = document.activeElement?.closest<HTMLAnchorElement>('[data-row-link]')
  if (link) window.open(link.href, '_blank', 'noopener')
}
