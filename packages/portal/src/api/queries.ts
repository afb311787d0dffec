import { QueryClient, type UseQueryResult, useQuery } from '@tanstack/react-query'
import type { Topic } from '#src/live/topics.ts'
import { fetchJson, type Query, withQuery } from './client.ts'
import { ApiError } from './request.ts'

/**
 * What a screen, or a part of one, draws. `isFormer`: what another page or filter of the list had, until this one is read; `readAt`:
 * when, in milliseconds since 1970; `of`: what was asked.
 */
export type View<Data> =
  | { kind: 'loading' }
  | { kind: 'failed'; error: unknown; retry: () => void }
  | { kind: 'ready'; data: Data; staleSince: Date | null; isFormer?: boolean; readAt?: number; of?: string }

const TRIES_MAX = 3
const FRESH_MS = 5_000

/** Refusals are answers: only what may go otherwise the next time is asked again. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: FRESH_MS,
        // without a network a read fails as without a service: it says so, rather than to wait without a word
        networkMode: 'always',
        refetchOnReconnect: true,
        retry: (count, error) => count < TRIES_MAX - 1 && isPassing(error),
        retryDelay: (count, error) =>
          error instanceof ApiError && error.retryAfterSeconds !== null
            ? error.retryAfterSeconds * 1000
            : 500 * 2 ** count,
      },
    },
  })
}

function isPassing(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status >= 500)
}

export type ReadOptions = {
  query?: Query
  isEnabled?: boolean
  /** Asked again so often, in milliseconds, while the page is shown. */
  everyMs?: number
  /** Read again when the live stream tells of these. */
  topics?: readonly Topic[]
}

/** Reads one answer of the API, and keeps the last one on the page while it asks again. */
export function useRead<Data>(account: string, path: string, options: ReadOptions = {}): View<Data> {
  const { query, isEnabled = true, everyMs, topics } = options
  const whole = withQuery(path, query)
  const result = useQuery<unknown>({
    queryKey: [account, whole],
    queryFn: async ({ signal }) => await fetchJson<unknown>(account, whole, { signal }),
    // another page or filter of the same list, never another object's
    placeholderData: (before: unknown, of: { queryKey: readonly unknown[] } | undefined) =>
      pathOf(of?.queryKey) === path ? before : undefined,
    enabled: isEnabled,
    refetchInterval: everyMs,
    meta: { topics },
  }) as UseQueryResult<Data>
  return viewOf(result, whole)
}

function pathOf(key: readonly unknown[] | undefined): string | undefined {
  const whole = key?.[1]
  return typeof whole === 'string' ? whole.split('?')[0] : undefined
}

/** The union of a query. Rows once shown stay, with the time they are from. */
function viewOf<Data>(result: UseQueryResult<Data>, of: string): View<Data> {
  const { data, error, dataUpdatedAt, refetch } = result
  if (data !== undefined && !(error && result.isPlaceholderData)) {
    return {
      kind: 'ready',
      data,
      staleSince: error ? new Date(dataUpdatedAt) : null,
      isFormer: result.isPlaceholderData,
      readAt: dataUpdatedAt,
      of,
    }
  }
  return error ? { kind: 'failed', error, retry: () => void refetch() } : { kind: 'loading' }
}

/** Part of a view's data; what is not there yet stays so. */
export function mapView<Data, Part>(view: View<Data>, toPart: (data: Data) => Part): View<Part> {
  return view.kind === 'ready' ? { ...view, data: toPart(view.data) } : view
}
