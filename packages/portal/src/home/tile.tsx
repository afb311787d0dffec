import { Link, type LinkProps } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { cx } from '#src/parts/class-names.ts'
import styles from './home.module.css'

/** A figure, and the way to what it counts. */
export function Tile({
  label,
  figure,
  link,
  isBad,
  children,
}: {
  label: string
  figure: string
  link: LinkProps
  isBad?: boolean
  children: ReactNode
}) {
  return (
    <div className={styles.tile}>
      <h2>
        <Link {...link}>{label}</Link>
      </h2>
      <p className={cx(styles.figure, isBad && styles.bad)}>{figure}</p>
      <p className={styles.below}>{children}</p>
    </div>
  )
}
