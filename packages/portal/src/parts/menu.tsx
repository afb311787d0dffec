import { Check, type LucideIcon } from 'lucide-react'
import type { ReactElement, ReactNode } from 'react'
import {
  Menu as AriaMenu,
  MenuItem as AriaMenuItem,
  MenuSection as AriaMenuSection,
  Header,
  MenuTrigger,
  Popover,
} from 'react-aria-components'
import { cx } from './class-names.ts'
import { Icon } from './icon.tsx'
import styles from './menu.module.css'
import { withKeys } from './with-keys.ts'

/** A button and the list it opens. @param trigger  an AriaButton */
export function Menu({ trigger, name, children }: { trigger: ReactElement; name: string; children: ReactNode }) {
  return (
    <MenuTrigger>
      {trigger}
      <Popover className={styles.popover ?? ''} offset={4}>
        <AriaMenu className={styles.menu ?? ''} aria-label={name}>
          {children}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  )
}

export function MenuSection({ title, children }: { title: string; children: ReactNode }) {
  return (
    <AriaMenuSection>
      <Header className={styles.heading}>{title}</Header>
      {children}
    </AriaMenuSection>
  )
}

export function MenuItem({
  id,
  children,
  onAction,
  icon,
  isChosen,
  isBad,
  whyOff,
  keys,
}: {
  id: string
  children: string
  onAction: () => void
  icon?: LucideIcon
  isChosen?: boolean
  isBad?: boolean
  whyOff?: string | null
  keys?: string
}) {
  const Drawn = isChosen ? Check : icon
  return (
    <AriaMenuItem
      id={id}
      className={cx(styles.item, isBad && styles.bad)}
      textValue={children}
      isDisabled={Boolean(whyOff)}
      onAction={onAction}
      ref={withKeys(keys)}
      aria-label={
        whyOff ? `${children}: ${whyOff}` : isChosen === undefined ? undefined : `${children}${isChosen ? ' ✓' : ''}`
      }
    >
      {Drawn ? <Icon of={Drawn} /> : <span />}
      <span>{children}</span>
      {keys !== undefined && <kbd aria-hidden>{keys}</kbd>}
    </AriaMenuItem>
  )
}
