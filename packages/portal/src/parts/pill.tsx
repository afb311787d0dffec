import type { LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'
import { cx } from './class-names.ts'
import { Icon } from './icon.tsx'
import styles from './pill.module.css'

export type Tone = 'ok' | 'warn' | 'bad' | 'wait' | 'idle' | 'sandbox'

/** A state: icon, word and colour. */
export function Pill({ tone, icon, children }: { tone: Tone; icon: LucideIcon; children: ReactNode }) {
  return (
    <span className={cx(styles.pill, styles[tone])}>
      <Icon of={icon} size={14} />
      {children}
    </span>
  )
}
