import type { Endpoint, TestEvent } from '@producersync/server/contract'
import { useMemo } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { useRefresh } from '#src/api/refresh.ts'
import { useWriteKeys } from '#src/api/write-keys.ts'

/** What can be done to an endpoint; afterwards everything shown of the account is read anew. */
export type EndpointWrites = {
  setDisabled: (endpoint: string, disabled: boolean) => Promise<void>
  remove: (endpoint: string) => Promise<void>
  /** Sends the example of a type and waits for the answer of the receiver, at most 6 s. */
  test: (endpoint: string, body: TestBody) => Promise<TestEvent>
}

export type TestBody = { eventType: string; payload?: unknown; secret?: 'all' | 'newest' | 'previous' }

export function useEndpointWrites(account: string): EndpointWrites {
  const refresh = useRefresh(account)
  const keys = useWriteKeys()
  return useMemo(() => {
    const path = (...parts: string[]) => ofAccount(account, 'endpoint', ...parts)
    return {
      async setDisabled(endpoint, disabled) {
        await fetchJson<Endpoint>(account, path(endpoint), { method: 'PATCH', body: { disabled } })
        await refresh()
      },
      async remove(endpoint) {
        await fetchJson<void>(account, path(endpoint), { method: 'DELETE' })
        await refresh()
      },
      async test(endpoint, body) {
        const sent = await fetchJson<TestEvent>(account, path(endpoint, 'test-event'), {
          method: 'POST',
          body,
          idempotencyKey: keys.keyFor([endpoint, body]),
        })
        keys.done()
        await refresh()
        return sent
      },
    }
  }, [account, refresh, keys])
}
