import { useQueryClient } from '@tanstack/react-query'
import { useCallback } from 'react'

let writtenAt = 0
/** What comes of a write has been read so long after it, also what the live stream tells of it. */
const SETTLED_MS = 3_000

/** Whether what was read then is what came of a write of this person: lists show that at once, and hold still otherwise. */
export function isOfOwnWrite(readAt: number): boolean {
  return readAt >= writtenAt && readAt - writtenAt < SETTLED_MS
}

/** After a write of one's own: reads anew all that is shown of an account. */
export function useRefresh(account: string): () => Promise<void> {
  const client = useQueryClient()
  return useCallback(async () => {
    writtenAt = Date.now()
    await client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === account })
  }, [client, account])
}
