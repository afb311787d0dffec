import { ChevronDown, type LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'
import { Button as AriaButton } from 'react-aria-components'
import { text } from '#src/text.ts'
import styles from './button.module.css'
import { cx } from './class-names.ts'
import { Icon } from './icon.tsx'
import { withKeys } from './with-keys.ts'

/** The trigger of a menu. */
export function MenuButton({
  children,
  name,
  icon,
  isQuiet,
  keys,
}: {
  children?: ReactNode
  name?: string
  icon?: LucideIcon
  isQuiet?: boolean
  /** Do what the first choice of the menu is for. */
  keys?: string
}) {
  return (
    <AriaButton
      className={cx(styles.button, isQuiet && styles.quiet, children == null && styles.icon)}
      aria-label={name}
      ref={withKeys(keys)}
      data-tip={keys && text.keys.tip(keys)}
    >
      {icon && <Icon of={icon} />}
      {children}
      {children != null && <Icon of={ChevronDown} size={14} />}
    </AriaButton>
  )
}
