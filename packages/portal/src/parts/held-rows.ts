import { useState } from 'react'
import type { View } from '#src/api/queries.ts'
import { isOfOwnWrite } from '#src/api/refresh.ts'

type KeyOf<Row> = (row: Row) => string

/** The rows of a list as they stand, and those that were read last. */
export type Held<Row> = { list: string; rows: readonly Row[]; read: readonly Row[] }

/**
 * Rows stay where they are: what is read anew changes them in place, and rows that were not there wait until they are asked for,
 * so that nothing moves under a pointer or the focus. Another list starts anew. No more is kept than the rows and what was read.
 */
export function heldAfter<Row>(
  before: Held<Row> | null,
  { list, read }: Pick<Held<Row>, 'list' | 'read'>,
  keyOf: KeyOf<Row>,
): Held<Row> {
  if (before?.list !== list) return { list, rows: read, read }
  const now = new Map(read.map((row) => [keyOf(row), row]))
  return { list, rows: before.rows.map((row) => now.get(keyOf(row)) ?? row), read }
}

/** How many of those that were read are not among the rows. */
export function freshOf<Row>({ rows, read }: Pick<Held<Row>, 'rows' | 'read'>, keyOf: KeyOf<Row>): number {
  const shown = new Set(rows.map(keyOf))
  return read.filter((row) => !shown.has(keyOf(row))).length
}

/**
 * Holds the rows of a list still.
 * @param list     what the rows are of: filter and page
 * @param isAwaited  what was read is what the reader waits for: it is shown at once
 * @returns `fresh`: how many wait; `gone`: how many of the rows are there no more
 */
function useHeld<Row>(read: readonly Row[] | null, list: string, keyOf: KeyOf<Row>, isAwaited = false) {
  const [held, setHeld] = useState<Held<Row> | null>(null)
  if (read && (held?.list !== list || held.read !== read))
    setHeld(heldAfter(isAwaited ? null : held, { list, read }, keyOf))
  const isOfList = held?.list === list
  const fresh = isOfList ? freshOf(held, keyOf) : 0
  return {
    rows: held?.rows ?? [],
    fresh,
    gone: isOfList ? freshOf({ rows: held.read, read: held.rows }, keyOf) : 0,
    isAllFresh: isOfList && fresh === held.read.length,
    show: () => setHeld((now) => now && { ...now, rows: now.read }),
  }
}

/** Of a list of which another page may follow. `mayBeMore`: none of the rows was read again, so others may lie between. */
export function useHeldRows<Row extends { id: string }>(view: View<{ data: Row[]; done: boolean }>, list: string) {
  const page = view.kind === 'ready' && !view.isFormer ? view.data : null
  const { rows, fresh, isAllFresh, show } = useHeld<Row>(page?.data ?? null, list, keyOfId)
  return { rows, fresh, mayBeMore: fresh > 0 && isAllFresh && page?.done === false, showFresh: show }
}

function keyOfId({ id }: { id: string }): string {
  return id
}

/**
 * Of any list that is read again by itself. Another question is another list; so is what comes of a write of one's own, and what is
 * read for a screen after it has been opened: a person waits for that.
 */
export function useHeldView<Row>(view: View<readonly Row[]>, keyOf: KeyOf<Row>) {
  const [openedAt] = useState(() => Date.now())
  const read = view.kind === 'ready' && !view.isFormer ? view.data : null
  const { of = '', readAt = 0 } = view.kind === 'ready' ? view : {}
  const { rows, fresh, gone, show } = useHeld(read, `${of} ${readAt < openedAt}`, keyOf, isOfOwnWrite(readAt))
  return { view: view.kind === 'ready' ? { ...view, data: rows } : view, changes: fresh + gone, show }
}
