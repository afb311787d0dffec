import { useNavigate, useSearch } from '@tanstack/react-router'
import { useMemo } from 'react'
import { instantOf, oneOf, type RawSearch, readShared, type Shared, someOf, writeShared } from '#src/address/search.ts'
import type { Query } from '#src/api/client.ts'
import { DELIVERY_STATES } from '#src/states/states.tsx'
import { deliveryText } from '#src/text-deliveries.ts'

/** What narrows a list of deliveries, as the address has it. */
export type Filters = Shared & { slow?: 'true' }

/** What is still planned may have been accepted as long ago: a schedule of retries lasts no longer. */
export const PLANNED_FROM = '-30d'
/** A period that nobody has chosen: the address says nothing of it. */
export const DEFAULT_FROM = '-24h'
const PAGE_ROWS = 50
/** Ages move on in steps, so that a list is not another one each second. */
const STEP_MS = 60_000

/** What was not attempted stands in no list of deliveries. */
export const LISTED_STATES = DELIVERY_STATES.filter((state) => state !== 'skipped')
const KNOWN = {
  state: someOf(LISTED_STATES),
  class: someOf(Object.keys(deliveryText.classes)),
  trigger: someOf(Object.keys(deliveryText.triggers)),
  slow: oneOf(['true']),
  sort: oneOf(['oldest', 'newest']),
}

const FILTER_NAMES = ['state', 'type', 'endpoint', 'class', 'code', 'npn', 'q', 'test', 'trigger', 'slow'] as const

/** The filters of the address, and how to change them. Parameters of others stay. */
export function useFilters(): {
  filters: Filters
  faults: readonly string[]
  change: (changes: { [Name in keyof Filters]?: Filters[Name] | undefined }) => void
  clear: () => void
  isFiltered: boolean
} {
  const search: RawSearch = useSearch({ strict: false })
  const navigate = useNavigate()
  return useMemo(() => {
    const { values, faults } = readShared(search, KNOWN)
    const filters: Filters = search.slow === 'true' ? { ...values, slow: 'true' } : values
    const change = (changes: object) =>
      void navigate({
        to: '.',
        // another filter begins at its first page
        search: (before: RawSearch) => ({ ...before, cursor: undefined, ...writeShared(changes) }),
      })
    return {
      filters,
      faults,
      change,
      clear: () => change(Object.fromEntries([...FILTER_NAMES, 'from', 'to'].map((name) => [name, undefined]))),
      isFiltered: FILTER_NAMES.some((name) => filters[name] !== undefined),
    }
  }, [search, navigate])
}

/** A filter in the words of the API. Relative times become instants, to the minute. @param endpoint  one alone */
export function toQuery(filters: Filters, now: Date, endpoint?: string): Query {
  const { state, type, class: classes, code, npn, q, test, trigger, slow, from = DEFAULT_FROM, to } = filters
  const step = new Date(Math.floor(now.getTime() / STEP_MS) * STEP_MS)
  return {
    state,
    type,
    endpoint: endpoint === undefined ? filters.endpoint : [endpoint],
    class: classes,
    code,
    npn,
    q,
    test,
    trigger,
    slow,
    from: instantOf(from, step)?.toISOString(),
    to: instantOf(to, step)?.toISOString(),
  }
}

/** One page of the list. */
export function toPageQuery(query: Query, { cursor, sort }: Filters): Query {
  return { ...query, sort: sort === 'oldest' ? sort : undefined, limit: PAGE_ROWS, iterator: cursor }
}

/** The same filter as an object: what a replay is of. */
export function toFilterBody(query: Query): Record<string, unknown> {
  const given = Object.entries(query).filter(([name, value]) => name !== 'endpoint' && value !== undefined)
  return Object.fromEntries(
    given.map(([name, value]) => [name, value === 'true' ? true : value === 'false' ? false : value]),
  )
}
