import { Link, type LinkProps } from '@tanstack/react-router'
import styles from './link-tabs.module.css'

/** The parts of a screen, each with an address of its own. */
export function LinkTabs({
  name,
  tabs,
}: {
  name: string
  tabs: readonly { label: string; isChosen: boolean; link: LinkProps }[]
}) {
  return (
    <nav className={styles.tabs} aria-label={name}>
      {tabs.map(({ label, isChosen, link }) => (
        <Link
          key={label}
          {...link}
          className={styles.tab}
          aria-current={isChosen ? 'page' : undefined}
          resetScroll={false}
          activeOptions={{ exact: true, includeSearch: true }}
        >
          {label}
        </Link>
      ))}
    </nav>
  )
}
