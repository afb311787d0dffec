import type { KeyboardEvent } from 'react'
import styles from './tabs.module.css'

/** A choice of a few, one after the other: arrow keys move through it. What it switches stands after it. */
export function Tabs<Id extends string>({
  name,
  tabs,
  chosen,
  onChoose,
}: {
  name: string
  tabs: readonly { id: Id; label: string }[]
  chosen: Id
  onChoose: (id: Id) => void
}) {
  function walk(event: KeyboardEvent<HTMLDivElement>) {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (step === 0) return
    event.preventDefault()
    const at = tabs.findIndex(({ id }) => id === chosen)
    const next = tabs[(at + step + tabs.length) % tabs.length]
    if (!next) return
    onChoose(next.id)
    event.currentTarget.querySelector<HTMLElement>(`[data-id="${next.id}"]`)?.focus()
  }
  return (
    <div className={styles.tabs} role="radiogroup" aria-label={name} onKeyDown={walk}>
      {tabs.map(({ id, label }) => (
        // biome-ignore lint/a11y/useSemanticElements: looks like a switch of segments, and walks like one
        <button
          key={id}
          type="button"
          role="radio"
          data-id={id}
          aria-checked={id === chosen}
          tabIndex={id === chosen ? 0 : -1}
          className={styles.tab}
          onClick={() => onChoose(id)}
        >
          {label}
        </button>
      ))}
    </div>
  )
}
