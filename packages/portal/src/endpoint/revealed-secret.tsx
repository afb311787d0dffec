import type { EndpointSecret } from '@producersync/server/contract'
import { useCallback, useEffect, useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { CopyText } from '#src/parts/copy.tsx'
import { ErrorNotice } from '#src/parts/notice.tsx'
import type { Account } from '#src/session/account.ts'
import { text } from '#src/text.ts'
import { endpointText } from '#src/text-endpoints.ts'

const words = endpointText.secrets
const SHOWN_MS = 60_000

/** Shows the current signing secret when asked, and hides it again after a minute. @param isAtOnce  where it has just been made */
export function RevealedSecret({
  account,
  endpoint,
  isAtOnce = false,
}: {
  account: Account
  endpoint: string
  isAtOnce?: boolean
}) {
  const [secret, setSecret] = useState<string | null>(null)
  const [error, setError] = useState<unknown>(null)
  const [isAsking, setAsking] = useState(false)
  useEffect(() => {
    if (secret === null) return
    const timer = setTimeout(() => setSecret(null), SHOWN_MS)
    return () => clearTimeout(timer)
  }, [secret])

  const reveal = useCallback(async () => {
    setAsking(true)
    setError(null)
    try {
      const { key } = await fetchJson<EndpointSecret>(account.id, ofAccount(account.id, 'endpoint', endpoint, 'secret'))
      setSecret(key)
    } catch (caught) {
      setError(caught)
    } finally {
      setAsking(false)
    }
  }, [account.id, endpoint])
  useEffect(() => {
    if (isAtOnce) void reveal()
  }, [isAtOnce, reveal])

  if (error != null) return <ErrorNotice error={error} retry={() => void reveal()} />
  if (secret === null) {
    return (
      <div className={layout.row}>
        <code>{'whsec_••••••••••••••••'}</code>
        <Button
          isSmall
          whyOff={account.whyNot('ViewEndpointSecret')}
          pending={isAsking && text.common.working}
          onPress={() => void reveal()}
        >
          {words.reveal}
        </Button>
      </div>
    )
  }
  return (
    <div className={layout.stack}>
      <CopyText value={secret} name={words.name} />
      <div className={layout.tight}>
        <span className={layout.muted}>{words.envLine}</span>
        <CopyText value={`PRODUCERSYNC_WEBHOOK_SECRET=${secret}`} name={words.envLineName} />
      </div>
      <div className={layout.row}>
        <Button isSmall onPress={() => setSecret(null)}>
          {words.hide}
        </Button>
        <span className={layout.muted}>{words.hides}</span>
      </div>
    </div>
  )
}
