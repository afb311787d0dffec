import { useNavigate } from '@tanstack/react-router'
import { Search } from 'lucide-react'
import { type SubmitEvent, useMemo, useRef, useState } from 'react'
import { useShortcuts } from '#src/keys/shortcuts.ts'
import { Icon } from '#src/parts/icon.tsx'
import { text } from '#src/text.ts'
import { isWholeId } from './destination.ts'
import styles from './shell.module.css'

/** One box: an NPN or the start of an id shows the log, a whole id jumps to what it names. */
export function Find({ account }: { account: string }) {
  const [typed, setTyped] = useState('')
  const box = useRef<HTMLInputElement>(null)
  const navigate = useNavigate()
  useShortcuts(useMemo(() => [{ keys: '/', name: text.keys.search, act: () => box.current?.focus() }], []))

  async function go(event: SubmitEvent) {
    event.preventDefault()
    const word = typed.trim()
    if (word === '') return
    setTyped('')
    if (isWholeId(word)) await navigate({ to: '/o/$id', params: { id: word }, search: { account } })
    else {
      const search = /^\d{1,10}$/.test(word) ? { npn: word } : { q: word }
      await navigate({ to: '/a/$account/log', params: { account }, search })
    }
  }

  return (
    <search className={styles.find}>
      <form onSubmit={(event) => void go(event)}>
        <Icon of={Search} />
        <input
          ref={box}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          placeholder={text.shell.search}
          aria-label={text.shell.searchName}
          aria-keyshortcuts="/"
          spellCheck={false}
          autoComplete="off"
        />
        <kbd aria-hidden>{'/'}</kbd>
      </form>
    </search>
  )
}
