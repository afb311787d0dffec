import { useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useSyncExternalStore } from 'react'
import { LiveHub, type LiveState } from './live-hub.ts'
import { type Topic, topicOf } from './topics.ts'

const hubs = new Map<string, LiveHub>()
/** Reads that follow a topic are asked again at most so often. */
const REFRESH_MS = 1_000

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
  const due = useCallback(
    (topics: ReadonlySet<Topic> | 'all') =>
      void client.invalidateQueries({
        predicate: ({ queryKey, meta }) => {
          const follows = meta?.topics as readonly Topic[] | undefined
          return queryKey[0] === account && Boolean(follows?.some((topic) => topics === 'all' || topics.has(topic)))
        },
      }),
    [client, account],
  )
  useEffect(() => {
    const changed = new Set<Topic>()
    let timer: ReturnType<typeof setTimeout> | undefined
    const stop = hubOf(account).listen(({ type }) => {
      const topic = topicOf(type)
      if (topic === null) {
        if (type === 'resync') due('all')
        return
      }
      changed.add(topic)
      timer ??= setTimeout(() => {
        timer = undefined
        due(new Set(changed))
        changed.clear()
      }, REFRESH_MS)
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
  }, [client, account, due])
}
