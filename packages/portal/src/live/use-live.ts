import { type Query, useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useSyncExternalStore } from 'react'
import { LiveHub, type LiveState } from './live-hub.ts'
import { ReadBudget } from './read-budget.ts'
import { type Topic, topicOf } from './topics.ts'

const hubs = new Map<string, LiveHub>()
/** Changes that come within so long are read together. */
const GATHER_MS = 200
const budget = new ReadBudget(Date.now())

function hubOf(account: string): LiveHub {
  let hub = hubs.get(account)
  if (!hub) {
    hub = new LiveHub(account)
    hubs.set(account, hub)
  }
  return hub
}

export function useLiveState(account: string): { state: LiveState; toggle: () => void } {
  const hub = hubOf(account)
  const state = useSyncExternalStore(
    useCallback((watcher: () => void) => hub.watch(watcher), [hub]),
    () => hub.state,
  )
  return { state, toggle: useCallback(() => hub.togglePause(), [hub]) }
}

/**
 * Keeps the reads that name topics (`useRead`, option `topics`) as fresh as the stream is. What has failed meanwhile is asked
 * again as soon as there is a stream: the service is back.
 */
export function useLiveReads(account: string): void {
  const client = useQueryClient()
  const following = useCallback(
    (topics: ReadonlySet<Topic> | 'all') => ({
      predicate: ({ queryKey, meta }: Pick<Query, 'queryKey' | 'meta'>) => {
        const follows = meta?.topics as readonly Topic[] | undefined
        return queryKey[0] === account && Boolean(follows?.some((topic) => topics === 'all' || topics.has(topic)))
      },
    }),
    [account],
  )
  useEffect(() => {
    const changed = new Set<Topic>()
    let timer: ReturnType<typeof setTimeout> | undefined
    function readAgain() {
      const due = following(new Set(changed))
      const reads = client.getQueryCache().findAll({ ...due, type: 'active' }).length
      const waitMs = budget.take(reads, Date.now())
      timer = waitMs === 0 ? undefined : setTimeout(readAgain, waitMs)
      if (waitMs > 0) return
      changed.clear()
      void client.invalidateQueries(due)
    }
    const stop = hubOf(account).listen(({ type }) => {
      const topic = topicOf(type)
      if (topic === null) {
        if (type === 'resync') void client.invalidateQueries(following('all'))
        return
      }
      changed.add(topic)
      timer ??= setTimeout(readAgain, GATHER_MS)
    })
    const stopWatching = hubOf(account).watch(() => {
      if (hubOf(account).state !== 'live') return
      void client.invalidateQueries({
        predicate: ({ queryKey, state }) => queryKey[0] === account && state.status === 'error',
      })
    })
    return () => {
      clearTimeout(timer)
      stopWatching()
      stop()
    }
  }, [client, account, following])
}
