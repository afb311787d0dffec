import { useState } from 'react'
import type { View } from '#src/api/queries.ts'

type Row = { id: string }

/** The rows of a list as they stand, and those that were read last. */
export type Held<One extends Row> = { list: string; rows: readonly One[]; read: readonly One[] }

/**
 * Rows stay where they are: what is read anew changes them in place, and rows that were not there wait until they are asked for,
 * so that nothing moves under a pointer or the focus. Another list starts anew. No more is kept than the rows and what was read.
 */
export function heldAfter<One extends Row>(
  before: Held<One> | null,
  { list, read }: Pick<Held<One>, 'list' | 'read'>,
): Held<One> {
  if (before?.list !== list) return { list, rows: read, read }
  const now = new Map(read.map((row) => [row.id, row]))
  return { list, rows: before.rows.map((row) => now.get(row.id) ?? row), read }
}

/** How many of those that were read are not among the rows. */
export function freshOf<One extends Row>({ rows, read }: Held<One>): number {
  const shown = new Set(rows.map(({ id }) => id))
  return read.filter(({ id }) => !shown.has(id)).length
}

/**
 * @param list  what the rows are of: filter and page
 * @returns `fresh`: how many wait; `mayBeMore`: none of those that are shown was read, so others may lie between
 */
export function useHeldRows<One extends Row>(
  view: View<{ data: One[]; done: boolean }>,
  list: string,
): { rows: readonly One[]; fresh: number; mayBeMore: boolean; showFresh: () => void } {
  const [held, setHeld] = useState<Held<One> | null>(null)
  const page = view.kind === 'ready' && !view.isFormer ? view.data : null
  if (page && (held?.list !== list || held.read !== page.data)) setHeld(heldAfter(held, { list, read: page.data }))
  const fresh = held?.list === list ? freshOf(held) : 0
  return {
    rows: held?.rows ?? [],
    fresh,
    mayBeMore: fresh > 0 && fresh === held?.read.length && page?.done === false,
    showFresh: () => setHeld((now) => now && { ...now, rows: now.read }),
  }
}
