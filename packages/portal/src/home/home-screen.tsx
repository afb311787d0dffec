import { Page } from '#src/parts/page.tsx'
import { useAccount } from '#src/session/account.ts'

export function HomeScreen() {
  const account = useAccount()
  return <Page title={account.name}>{null}</Page>
}
