import type { Logo } from '@producersync/server/contract'
import { useEffect } from 'react'
import { ofAccount } from '#src/api/client.ts'
import { useRead } from '#src/api/queries.ts'
import { useLiveReads } from '#src/live/use-live.ts'
import { showLook } from '#src/look/account-look.ts'
import { type Account, useAccount, useSession } from '#src/session/account.ts'
import { text } from '#src/text.ts'
import { setAccountZone } from '#src/time/zone.ts'
import { Find } from './find.tsx'
import { ACCOUNT_PLACES } from './places.ts'
import { Shell } from './shell.tsx'
import { StaffBanner } from './staff-banner.tsx'
import { AccountBadge, AccountSwitch } from './top-bar.tsx'

export function AccountShell() {
  const account = useAccount()
  const session = useSession()
  useLiveReads(account.id)
  const logo = useLogo(account)
  useEffect(() => {
    showLook(account.look)
    setAccountZone(account.timeZone)
    return () => {
      showLook(null)
      setAccountZone(null)
    }
  }, [account.look, account.timeZone])
  return (
    <Shell
      places={ACCOUNT_PLACES}
      account={account.id}
      logo={logo}
      start={
        <>
          <AccountBadge account={account} />
          {session?.staff ? <strong>{text.shell.staff}</strong> : <AccountSwitch account={account} />}
        </>
      }
      banner={session?.staff && <StaffBanner />}
      find={<Find account={account.id} />}
    />
  )
}

function useLogo({ id, look }: Account): string | null {
  const view = useRead<Logo>(id, ofAccount(id, 'settings', 'logo'), { isEnabled: look?.hasLogo ?? false })
  if (!look?.hasLogo || view.kind !== 'ready') return null
  return `data:${view.data.contentType};base64,${view.data.data}`
}
