import type { ReactNode } from 'react'
import { Mark } from '#src/shell/mark.tsx'
import { text } from '#src/text.ts'
import styles from './login.module.css'

/** A card on an empty page: for what stands outside an account. */
export function Gate({ children }: { children: ReactNode }) {
  return (
    <main className={styles.gate}>
      <div className={styles.card}>
        <div className={styles.brand}>
          <Mark />
          {text.product}
        </div>
        {children}
      </div>
    </main>
  )
}
