import { useSession } from '#src/session/account.ts'
import { ENVIRONMENT_PLACES } from '#src/shell/places.ts'
import { Shell } from '#src/shell/shell.tsx'
import { Badge } from '#src/shell/top-bar.tsx'
import { text } from '#src/text.ts'

/** What stands around the screens of the operator's staff. */
export function EnvShell() {
  const session = useSession()
  if (!session) return null
  return (
    <Shell
      places={ENVIRONMENT_PLACES}
      account={null}
      start={
        <>
          <Badge words={text.shell.environment[session.environment]} isSandbox={session.environment === 'sandbox'} />
          <strong>{text.shell.staff}</strong>
        </>
      }
      find={null}
    />
  )
}
