import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react'
import { keep, kept } from '#src/look/kept.ts'

/** One or two keys in a row (`g h`), and what they do. */
export type Shortcut = { keys: string; name: string; act: (event: KeyboardEvent) => void }

const KEY = 'psapi.shortcuts'
const SEQUENCE_MS = 1_200

/** The last one registered for the same keys is the one that acts: screens come after the shell. */
let shortcuts: readonly Shortcut[] = []
let first: { key: string; at: number } | null = null
const listeners = new Set<() => void>()

function changed(): void {
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Registers shortcuts for as long as the component is there. @param of  the same array until they change */
export function useShortcuts(of: readonly Shortcut[]): void {
  useEffect(() => {
    shortcuts = [...shortcuts, ...of]
    changed()
    return () => {
      shortcuts = shortcuts.filter((shortcut) => !of.includes(shortcut))
      changed()
    }
  }, [of])
}

/** Registers one, which does what it is given to do at that moment. */
export function useKey(keys: string, name: string, act: () => void): void {
  const newest = useRef(act)
  useEffect(() => {
    newest.current = act
  })
  useShortcuts(useMemo(() => [{ keys, name, act: () => newest.current() }], [keys, name]))
}

/** Those that act now, each once. */
export function useActiveShortcuts(): readonly Shortcut[] {
  const all = useSyncExternalStore(subscribe, () => shortcuts)
  return [...new Map(all.map((shortcut) => [shortcut.keys, shortcut])).values()]
}

export function areShortcutsOn(): boolean {
  return kept(KEY) !== 'off'
}

export function switchShortcuts(isOn: boolean): void {
  keep(KEY, isOn ? null : 'off')
  changed()
}

export function useShortcutsOn(): boolean {
  return useSyncExternalStore(subscribe, areShortcutsOn)
}

/** Single keys never act in a field, with a modifier, in a dialog, or while they are switched off. */
export function listenForShortcuts(signal: AbortSignal): void {
  document.addEventListener(
    'keydown',
    (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !areShortcutsOn()) return
      if (!(event.target instanceof HTMLElement) || isTaken(event.target)) return
      const before = first && event.timeStamp - first.at < SEQUENCE_MS ? first.key : null
      first = null
      const shortcut = matching(before === null ? event.key : `${before} ${event.key}`) ?? matching(event.key)
      if (shortcut) {
        event.preventDefault()
        shortcut.act(event)
      } else if (shortcuts.some(({ keys }) => keys.startsWith(`${event.key} `))) {
        first = { key: event.key, at: event.timeStamp }
      }
    },
    { signal },
  )
}

function matching(keys: string): Shortcut | undefined {
  return shortcuts.findLast((shortcut) => shortcut.keys === keys)
}

function isTaken(target: HTMLElement): boolean {
  return (
    target.isContentEditable ||
    target.closest(
      'input:not([type=checkbox], [type=radio]), select, textarea, [role=menu], [role=dialog], [role=alertdialog], [role=spinbutton]',
    ) !== null
  )
}
