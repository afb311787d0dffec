import { useLocation } from '@tanstack/react-router'
import { type ReactNode, useEffect, useRef } from 'react'
import { useProductName } from '#src/look/account-look.ts'
import { text } from '#src/text.ts'
import { Breakable } from './breakable.tsx'
import { Notice } from './notice.tsx'
import styles from './page.module.css'

/** What was announced last. The first page is announced by the browser itself. */
let announced: { path: string; heading: HTMLElement | null } | null = null

/**
 * A screen: its title as h1 and as the document's. After each navigation the focus is on the h1, which has it read out.
 * @param crumbs  links to what this is part of
 */
export function Page({
  title,
  beside,
  crumbs,
  acts,
  lead,
  ignored,
  children,
}: {
  title: string
  /** States and the like, beside the title. */
  beside?: ReactNode
  crumbs?: ReactNode
  acts?: ReactNode
  lead?: ReactNode
  /** Parameters of the address whose value says nothing here: they were left out. */
  ignored?: readonly string[]
  children: ReactNode
}) {
  const heading = useRef<HTMLHeadingElement>(null)
  const { pathname } = useLocation()
  const product = useProductName()
  useEffect(() => {
    document.title = `${title} · ${product}`
  }, [title, product])
  useEffect(() => {
    const { current } = heading
    // the path changes before the screen does: what the last screen announced for it does not count
    const isAnnounced = announced === null || (announced.path === pathname && announced.heading === current)
    if (!isAnnounced) current?.focus({ preventScroll: true })
    announced = { path: pathname, heading: current }
  }, [pathname])
  return (
    <div className={styles.page}>
      {crumbs != null && <div className={styles.crumbs}>{crumbs}</div>}
      <div className={styles.head}>
        <div className={styles.titles}>
          <h1 ref={heading} tabIndex={-1}>
            <Breakable>{title}</Breakable>
          </h1>
          {beside}
        </div>
        {acts != null && <div className={styles.acts}>{acts}</div>}
      </div>
      {lead != null && <p className={styles.lead}>{lead}</p>}
      {ignored && <Ignored names={ignored} />}
      {children}
    </div>
  )
}

/** Says which parameters of the address were left out. */
export function Ignored({ names }: { names: readonly string[] }) {
  return names.length === 0 ? null : <Notice tone="warn" title={text.common.ignored(names.join(', '))} />
}
