import { useLiveReads } from '#src/live/use-live.ts'
import { useAccount } from '#src/session/account.ts'
import { Find } from './find.tsx'
import { ACCOUNT_PLACES } from './places.ts'
import { Shell } from './shell.tsx'
import { AccountBadge, AccountSwitch } from './top-bar.tsx'

export function AccountShell() {
  const account = useAccount()
  useLiveReads(account.id)
  return (
    <Shell
      places={ACCOUNT_PLACES}
      account={account.id}
      start={
        <>
          <AccountBadge account={account} />
          <AccountSwitch account={account} />
        </>
      }
      find={<Find account={account.id} />}
    />
  )
}
