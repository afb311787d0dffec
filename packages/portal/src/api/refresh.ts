import { useQueryClient } from '@tanstack/react-query'
import { useCallback } from 'react'

/** Reads anew all that is shown of an account. */
export function useRefresh(account: string): () => Promise<void> {
  const client = useQueryClient()
  return useCallback(
    async () => await client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === account }),
    [client, account],
  )
}
