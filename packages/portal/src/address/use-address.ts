import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback, useMemo } from 'react'
import { type Known, type RawSearch, readShared, type Shared, type SharedName, writeShared } from './search.ts'

/** What the address says of this screen, and how to change it. */
export type Address = {
  values: Shared
  /** Parameters whose value says nothing: left out, and the screen says so. */
  faults: readonly string[]
  raw: RawSearch
  /** Changes parameters; the others stay. A change of the filter starts the list anew. `undefined` takes one away. */
  change: (values: Shared & Record<string, unknown>) => void
  /** Takes the whole filter away. */
  clear: () => void
  isFiltered: boolean
}

const FILTERS: readonly SharedName[] = [
  'state',
  'type',
  'endpoint',
  'class',
  'code',
  'npn',
  'q',
  'test',
  'trigger',
  'from',
  'to',
]

const ANYTHING: Known = {}

/** @param known  what parameters may say here: the same object each time */
export function useAddress(known: Known = ANYTHING): Address {
  const raw = useSearch({ strict: false }) as RawSearch
  const navigate = useNavigate()
  const { values, faults } = useMemo(() => readShared(raw, known), [raw, known])
  const go = useCallback(
    (next: (before: RawSearch) => RawSearch) =>
      void navigate({
        to: '.',
        search: ((before: RawSearch) => withoutEmpty(next(before))) as never,
        replace: false,
        resetScroll: false,
      }),
    [navigate],
  )
  const change = useCallback(
    (changed: Shared & Record<string, unknown>) =>
      go((before) => ({
        ...before,
        ...('cursor' in changed ? {} : { cursor: undefined }),
        ...writeShared(changed),
      })),
    [go],
  )
  const clear = useCallback(
    () =>
      go((before) => ({
        ...before,
        cursor: undefined,
        ...Object.fromEntries(FILTERS.map((name) => [name, undefined])),
      })),
    [go],
  )
  return { values, faults, raw, change, clear, isFiltered: FILTERS.some((name) => values[name] !== undefined) }
}

function withoutEmpty(search: RawSearch): RawSearch {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined && value !== ''))
}
