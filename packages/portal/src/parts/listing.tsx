import { Link, type LinkProps } from '@tanstack/react-router'
import { type KeyboardEvent, type ReactNode, useRef } from 'react'
import type { View } from '#src/api/queries.ts'
import { useIsNarrow } from '#src/look/narrow.ts'
import { text } from '#src/text.ts'
import { Button } from './button.tsx'
import { cx } from './class-names.ts'
import { useHeldView } from './held-rows.ts'
import styles from './listing.module.css'
import { useLostPlace } from './lost-place.ts'
import { ErrorNotice, Part, Skeleton } from './notice.tsx'
import { Ignored } from './page.tsx'

const LOST = ['cursor']

export type Column<Row> = {
  key: string
  head: string
  cell: (row: Row) => ReactNode
  isNumber?: boolean
  /** No label where rows are stacked: the cell says what it is. */
  isPlain?: boolean
}

/** Up to this width of the page what is known of a row stands below one another: a table would have to be scrolled sideways. */
const STACKED_MAX = { usual: 899, wide: 1_279 } as const

type Props<Row> = {
  /** Read out as the table's name. */
  name: string
  /** It has so much in a row that it needs nearly the whole width of a large screen. */
  isWide?: boolean
  view: View<readonly Row[]>
  columns: readonly Column<Row>[]
  /** What names a row; where it is an id, `c` copies it. */
  keyOf: (row: Row) => string
  /** What stands there when there are no rows: first use, or nothing that matches. */
  empty: ReactNode
  foot?: ReactNode
}

/** A list that is read again by itself: nothing in it moves until somebody asks for what has come. Source: portal G6 */
export function LiveListing<Row>({ view, ...list }: Props<Row>) {
  const held = useHeldView(view, list.keyOf)
  return (
    <div className={styles.live}>
      <Listing {...list} view={held.view} />
      <div className={styles.waiting} aria-live="polite">
        {held.changes > 0 && (
          <Button isSmall kind="primary" onPress={held.show}>
            {text.live.changes(held.changes)}
          </Button>
        )}
      </div>
    </div>
  )
}

/**
 * A list as a native table. Rows are links by the `RowLink` in the cell that names them; what can be pressed in a row lies above it.
 * j, k and the arrows walk its rows.
 */
export function Listing<Row>({ name, view, columns, keyOf, empty, foot, isWide }: Props<Row>) {
  const isStacked = useIsNarrow(isWide ? STACKED_MAX.wide : STACKED_MAX.usual)
  const isFormer = view.kind === 'ready' && view.isFormer
  const { isLeaving, isLost } = useLostPlace(view)
  if (isLeaving) return <Skeleton />
  if (view.kind === 'failed') return <ErrorNotice error={view.error} retry={view.retry} />
  return (
    <div className={styles.frame} data-listing>
      {isLost && <Ignored names={LOST} />}
      <Part of={view}>
        {(rows) => {
          if (rows.length > 0)
            return <Rows name={name} rows={rows} columns={columns} keyOf={keyOf} isStacked={isStacked} />
          return isFormer ? <Skeleton /> : empty
        }}
      </Part>
      {foot != null && <div className={styles.foot}>{foot}</div>}
    </div>
  )
}

function Rows<Row>({
  name,
  rows,
  columns,
  keyOf,
  isStacked,
}: {
  name: string
  rows: readonly Row[]
  columns: readonly Column<Row>[]
  keyOf: (row: Row) => string
  isStacked: boolean
}) {
  const body = useRef<HTMLTableSectionElement>(null)
  function walk(event: KeyboardEvent) {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
    if (event.target instanceof HTMLElement && event.target.matches('input, select, textarea')) return
    event.preventDefault()
    stepRow(event.key === 'ArrowDown' ? 1 : -1, body.current)
  }
  return (
    <table className={cx(styles.table, isStacked ? styles.stacked : styles.lines)} aria-label={name}>
      <thead>
        <tr>
          {columns.map(({ key, head, isNumber }) => (
            <th key={key} scope="col" className={cx(isNumber && styles.number)}>
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody ref={body} onKeyDown={walk}>
        {rows.map((row) => (
          <tr key={keyOf(row)} data-row={keyOf(row)}>
            {columns.map(({ key, head, cell, isNumber, isPlain }) => {
              const content = cell(row)
              return (
                <td
                  key={key}
                  data-label={isPlain ? undefined : head}
                  data-none={content === text.common.none || undefined}
                  className={cx(isNumber && styles.number)}
                >
                  {content}
                </td>
              )
            })}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** Moves the focus to the link of the next row, or of the first one. */
export function stepRow(step: 1 | -1, within: ParentNode | null = document.querySelector('[data-listing]')): void {
  const links = [...(within?.querySelectorAll<HTMLElement>('[data-row-link]') ?? [])]
  const current = links.findIndex((link) => link.closest('tr')?.contains(document.activeElement))
  const next = current === -1 ? 0 : Math.max(0, Math.min(links.length - 1, current + step))
  links[next]?.focus()
}

/** The one link of a row, stretched over it. */
export function RowLink({ children, ...link }: LinkProps & { children: ReactNode }) {
  return (
    <Link {...link} className={styles.link} data-row-link>
      {children}
    </Link>
  )
}

/** What can be pressed in a row. */
export function Above({ children }: { children: ReactNode }) {
  return <span className={styles.above}>{children}</span>
}

/** To the pages before and after, of a list that is read from a cursor. */
export function Pager({
  onNewer,
  onOlder,
  children,
}: {
  onNewer: (() => void) | null
  onOlder: (() => void) | null
  children?: ReactNode
}) {
  if (!onNewer && !onOlder && children === undefined) return null
  return (
    <>
      <span>{children}</span>
      <span className={styles.pages}>
        <Button isSmall kind="quiet" onPress={onNewer ?? undefined} whyOff={onNewer ? null : text.list.atStart}>
          {text.list.newer}
        </Button>
        <Button isSmall kind="quiet" onPress={onOlder ?? undefined} whyOff={onOlder ? null : text.list.atEnd}>
          {text.list.older}
        </Button>
      </span>
    </>
  )
}
