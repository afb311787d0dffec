import { Dialog } from '#src/parts/dialog.tsx'
import { text } from '#src/text.ts'
import { useActiveShortcuts, useShortcutsOn } from './shortcuts.ts'
import styles from './shortcuts-dialog.module.css'

export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  const shortcuts = useActiveShortcuts()
  const isOn = useShortcutsOn()
  const rows = [
    ...shortcuts,
    { keys: '↑ ↓', name: `${text.keys.previous} · ${text.keys.next}` },
    { keys: 'Enter', name: text.keys.open },
    { keys: '[ ]', name: `${text.keys.olderAttempt} · ${text.keys.newerAttempt}` },
    { keys: 'Esc', name: text.keys.escape },
  ]
  return (
    <Dialog title={text.keys.title} isOpen onClose={onClose}>
      {!isOn && <p>{text.keys.off}</p>}
      <dl className={styles.list}>
        {rows.map(({ keys, name }) => (
          <div key={keys}>
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{name}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
