import { Pause, Play } from 'lucide-react'
import { useMemo } from 'react'
import { useShortcuts } from '#src/keys/shortcuts.ts'
import { IconButton } from '#src/parts/button.tsx'
import { cx } from '#src/parts/class-names.ts'
import { text } from '#src/text.ts'
import styles from './live-switch.module.css'
import { useLiveState } from './use-live.ts'

/** Says whether the screen follows what happens, and pauses it. */
export function LiveSwitch({ account }: { account: string }) {
  const { state, toggle } = useLiveState(account)
  const name = state === 'paused' ? text.live.resume : text.live.pause
  useShortcuts(useMemo(() => [{ keys: '.', name: text.keys.live, act: toggle }], [toggle]))
  return (
    <span className={styles.switch}>
      <span className={cx(styles.dot, styles[state])} aria-hidden />
      <span role="status">{text.live[state]}</span>
      <IconButton icon={state === 'paused' ? Play : Pause} name={name} keys="." onPress={toggle} />
    </span>
  )
}
