import { useRef, useState } from 'react'
import type { View } from '#src/api/queries.ts'

/**
 * Rows that stay where they are: what is read anew changes them in place, and rows that were not there wait until they are
 * asked for, so that nothing moves under a pointer or the focus.
 * @param key  of the list; another list starts anew
 */
export function useHeldRows<Row extends { id: string }>(
  view: View<{ data: Row[] }>,
  key: string,
): { rows: readonly Row[]; fresh: number; showFresh: () => void } {
  const known = useRef(new Map<string, Row>())
  const [held, setHeld] = useState<{ key: string; ids: readonly string[] } | null>(null)
  const read = view.kind === 'ready' ? view.data.data : []
  if (held?.key !== key) known.current = new Map()
  for (const row of read) known.current.set(row.id, row)
  const readIds = read.map(({ id }) => id)
  const ids = held?.key === key ? held.ids : readIds
  if (view.kind === 'ready' && held?.key !== key) setHeld({ key, ids: readIds })
  const shown = new Set(ids)
  return {
    rows: ids.flatMap((id) => known.current.get(id) ?? []),
    fresh: readIds.filter((id) => !shown.has(id)).length,
    showFresh: () => setHeld({ key, ids: readIds }),
  }
}
