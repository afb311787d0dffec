import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import layout from '#src/look/layout.module.css'
import { CopyButton } from '#src/parts/copy.tsx'
import { Dialog } from '#src/parts/dialog.tsx'
import { accountText } from '#src/text-account.ts'
import { commandsOf } from './commands.ts'
import styles from './commands-dialog.module.css'

const words = accountText.parity

/** What this screen has read, as calls that anybody can make: by cURL, and by the command line where it can. Source: portal G19. */
export function CommandsDialog({ onClose }: { onClose: () => void }) {
  const client = useQueryClient()
  const [commands] = useState(() =>
    client
      .getQueryCache()
      .findAll({ type: 'active' })
      .flatMap(({ queryKey: [, path] }) => (typeof path === 'string' ? [commandsOf(path, location.origin)] : [])),
  )
  return (
    <Dialog title={words.title} isOpen onClose={onClose} isWide>
      <p className={layout.muted}>{words.lead}</p>
      <ul className={layout.stack}>
        {commands.map(({ path, curl, cli }) => (
          <li key={path} className={layout.tight}>
            <Line text={curl} name={words.curl} />
            <Line text={cli} name={words.cli} />
          </li>
        ))}
      </ul>
      {commands.length === 0 && <p>{words.none}</p>}
    </Dialog>
  )
}

function Line({ text, name }: { text: string; name: string }) {
  return (
    <span className={styles.line}>
      <code className={styles.code}>{text}</code>
      <CopyButton value={text} name={name} />
    </span>
  )
}
