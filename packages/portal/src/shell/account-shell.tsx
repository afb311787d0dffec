import { Link } from '@tanstack/react-router'
import { useLiveReads } from '#src/live/use-live.ts'
import { useAccount, useSession } from '#src/session/account.ts'
import { useAccountName } from '#src/session/account-name.ts'
import { envText } from '#src/text-env.ts'
import { Find } from './find.tsx'
import { ACCOUNT_PLACES } from './places.ts'
import { Shell } from './shell.tsx'
import { AccountBadge, AccountSwitch } from './top-bar.tsx'

export function AccountShell() {
  const account = useAccount()
  const session = useSession()
  useLiveReads(account.id)
  return (
    <Shell
      places={ACCOUNT_PLACES}
      account={account.id}
      start={
        <>
          <AccountBadge account={account} />
          {!session?.staff ? <AccountSwitch account={account} /> : <StaffNote />}
        </>
      }
      find={<Find account={account.id} />}
    />
  )
}

/** Staff see that they are looking into somebody else's account. */
function StaffNote() {
  return (
    <span>
      <strong>{useAccountName()}</strong> <Link to="/env">{envText.viewing}</Link>
    </span>
  )
}
