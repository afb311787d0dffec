import { Link, type LinkProps } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import styles from './link-tabs.module.css'

/** The parts of a screen, each with an address of its own. Where there is no room for all, the chosen one is in view. */
export function LinkTabs({
  name,
  tabs,
}: {
  name: string
  tabs: readonly { label: string; isChosen: boolean; link: LinkProps }[]
}) {
  const strip = useRef<HTMLElement>(null)
  const chosen = tabs.findIndex(({ isChosen }) => isChosen)
  useEffect(() => {
    strip.current?.children[chosen]?.scrollIntoView({ inline: 'nearest', block: 'nearest' })
  }, [chosen])
  return (
    <nav ref={strip} className={styles.tabs} aria-label={name}>
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
