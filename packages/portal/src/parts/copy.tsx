import { Check, Copy as CopyIcon } from 'lucide-react'
import { useRef, useState } from 'react'
import { text } from '#src/text.ts'
import styles from './copy.module.css'
import { Icon } from './icon.tsx'

const DONE_MS = 2_000

/**
 * Copies a text; always visible, and named after what it copies. Where the clipboard is blocked the text is selected instead.
 * @param name  of what is copied: "event ID"
 */
export function CopyButton({ value, name }: { value: string; name: string }) {
  const [isDone, setDone] = useState(false)
  const spare = useRef<HTMLInputElement>(null)
  const [isBlocked, setBlocked] = useState(false)

  async function copy() {
    try {
      await navigator.clipboard.writeText(value)
      setDone(true)
      setTimeout(() => setDone(false), DONE_MS)
    } catch {
      setBlocked(true)
      requestAnimationFrame(() => spare.current?.select())
    }
  }

  if (isBlocked) {
    return (
      <input
        ref={spare}
        className={styles.spare}
        readOnly
        value={value}
        aria-label={text.copy.blocked(name)}
        onBlur={() => setBlocked(false)}
      />
    )
  }
  return (
    <span className={styles.wrap}>
      <button
        type="button"
        className={styles.copy}
        data-copy
        aria-label={text.copy.name(name)}
        data-tip={text.copy.name(name)}
        onClick={() => void copy()}
      >
        <Icon of={isDone ? Check : CopyIcon} size={14} />
      </button>
      <span role="status" className={styles.status}>
        {isDone ? text.copy.done : ''}
      </span>
    </span>
  )
}

/** An id, in full, with its copy button. */
export function CopyText({ value, name }: { value: string; name: string }) {
  return (
    <span className={styles.id}>
      <code>{value}</code>
      <CopyButton value={value} name={name} />
    </span>
  )
}
