import type { AttemptDetail } from '@producersync/server/contract'
import { ofAccount } from '#src/api/client.ts'
import { useRead, type View } from '#src/api/queries.ts'

/** Everything about one attempt. */
export function useAttempt(account: string, msgId: string, attemptId: string): View<AttemptDetail> {
  return useRead<AttemptDetail>(account, ofAccount(account, 'msg', msgId, 'attempt', attemptId, 'detail'))
}
