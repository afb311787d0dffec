import { Link, type LinkProps } from '@tanstack/react-router'
import type { LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'
import { text } from '#src/text.ts'
import styles from './button.module.css'
import { cx } from './class-names.ts'
import { Icon } from './icon.tsx'
import { Tip } from './tip.tsx'

type Look = {
  kind?: 'plain' | 'primary' | 'danger' | 'quiet'
  isSmall?: boolean
  icon?: LucideIcon
}

function classOf({ kind = 'plain', isSmall }: Look): string {
  return cx(styles.button, kind !== 'plain' && styles[kind], isSmall && styles.small)
}

export type ButtonProps = Look & {
  children: ReactNode
  onPress?: () => void
  type?: 'button' | 'submit'
  /** Why it cannot be pressed: it stays reachable, so that the reason can be read. */
  whyOff?: string | null
  /** What it says while its work is under way; its width stays. */
  pending?: string | false
  keys?: string
  /** What it is called where its words alone do not say what of: begins with them. */
  name?: string
  form?: string
  describedBy?: string
  autoFocus?: boolean
}

export function Button({ children, onPress, type = 'button', whyOff, pending, keys, icon, ...rest }: ButtonProps) {
  const isOff = Boolean(whyOff) || Boolean(pending)
  const button = (
    <button
      type={type}
      form={rest.form}
      className={classOf(rest)}
      aria-label={rest.name}
      aria-disabled={isOff || undefined}
      aria-keyshortcuts={keys}
      aria-describedby={rest.describedBy}
      // biome-ignore lint/a11y/noAutofocus: only in dialogs, where the first thing to reach is the safe one
      autoFocus={rest.autoFocus}
      onClick={(event) => {
        if (isOff) event.preventDefault()
        else onPress?.()
      }}
    >
      {icon && <Icon of={icon} />}
      {pending === undefined ? (
        children
      ) : (
        <span className={styles.label}>
          <span className={cx(pending && styles.away)}>{children}</span>
          <span className={cx(!pending && styles.away)} aria-hidden={!pending}>
            {pending}
          </span>
        </span>
      )}
    </button>
  )
  const tip = whyOff ?? (keys && text.keys.tip(keys))
  return tip ? <Tip text={tip}>{button}</Tip> : button
}

/** A button of one icon: its name is read, and shown on hover and focus. */
export function IconButton({
  icon,
  name,
  onPress,
  keys,
  isPressed,
}: {
  icon: LucideIcon
  name: string
  onPress: () => void
  keys?: string
  isPressed?: boolean
}) {
  return (
    <Tip text={keys ? `${name}  ${keys}` : name}>
      <button
        type="button"
        className={cx(styles.button, styles.quiet, styles.icon)}
        aria-label={name}
        aria-keyshortcuts={keys}
        aria-pressed={isPressed}
        onClick={onPress}
      >
        <Icon of={icon} />
      </button>
    </Tip>
  )
}

export function ButtonLink({ children, kind, isSmall, icon, ...link }: Look & LinkProps & { children: ReactNode }) {
  return (
    <Link {...link} className={classOf({ kind, isSmall })}>
      {icon && <Icon of={icon} />}
      {children}
    </Link>
  )
}
