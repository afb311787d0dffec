import { ofAccount } from '#src/api/client.ts'
import { useRead } from '#src/api/queries.ts'
import { useAccount, useSession } from './account.ts'

/** The name of the account that is shown; staff, whose session names none, have it asked for. */
export function useAccountName(): string {
  const account = useAccount()
  const isStaff = Boolean(useSession()?.staff)
  const view = useRead<{ name: string }>(account.id, ofAccount(account.id), { isEnabled: isStaff })
  return view.kind === 'ready' ? view.data.name : account.name
}
