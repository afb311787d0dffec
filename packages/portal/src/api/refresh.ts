import { useQueryClient } from '@tanstack/react-query'
import { useCallback } from 'react'

let writes = 0
const listeners = new Set<() => void>()

/** How often this person has changed something: lists show what came of that at once, and hold still otherwise. */
export function ownWrites(): number {
  return writes
}

export function onOwnWrite(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** After a write of one's own: reads anew all that is shown of an account. */
export function useRefresh(account: string): () => Promise<void> {
  const client = useQueryClient()
  return useCallback(async () => {
    await client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === account })
    writes += 1
    for (const listener of listeners) listener()
  }, [client, account])
}
