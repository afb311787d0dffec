import { X } from 'lucide-react'
import { useSyncExternalStore } from 'react'
import { text } from '#src/text.ts'
import { IconButton } from './button.tsx'
import styles from './toast.module.css'

type Toast = { id: number; words: string }

const SHOWN_MS = 6_000
const COUNT_MAX = 3

let toasts: readonly Toast[] = []
let nextId = 1
const listeners = new Set<() => void>()

function become(next: readonly Toast[]): void {
  toasts = next
  for (const listener of listeners) listener()
}

/** Says shortly that something went well. What went wrong stands where it went wrong, not here alone. */
export function say(words: string): void {
  const id = nextId++
  become([...toasts, { id, words }].slice(-COUNT_MAX))
  setTimeout(() => dismiss(id), SHOWN_MS)
}

function dismiss(id: number): void {
  become(toasts.filter((toast) => toast.id !== id))
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => toasts,
  )
  return (
    <div className={styles.corner} role="status" aria-live="polite">
      {shown.map(({ id, words }) => (
        <div key={id} className={styles.toast}>
          <span>{words}</span>
          <IconButton icon={X} name={text.common.dismiss} onPress={() => dismiss(id)} />
        </div>
      ))}
    </div>
  )
}
