import type { Endpoint } from '@producersync/server/contract'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { hostOf } from '#src/endpoints/url.ts'
import { useEndpointWrites } from '#src/endpoints/writes.ts'
import { Button } from '#src/parts/button.tsx'
import { Dialog, DialogActs } from '#src/parts/dialog.tsx'
import { ErrorNotice } from '#src/parts/notice.tsx'
import { say } from '#src/parts/toast.tsx'
import type { Account } from '#src/session/account.ts'
import { text } from '#src/text.ts'
import { endpointText } from '#src/text-endpoints.ts'

const words = endpointText.endpoint.enableDialog

/** Enables an endpoint, and leads to what it missed while it was disabled. */
export function EnableDialog({
  endpoint,
  account,
  isOpen,
  onClose,
}: {
  endpoint: Endpoint
  account: Account
  isOpen: boolean
  onClose: () => void
}) {
  const { setDisabled } = useEndpointWrites(account.id)
  const navigate = useNavigate()
  const [acting, setActing] = useState<'only' | 'replay' | null>(null)
  const [error, setError] = useState<unknown>(null)
  const name = hostOf(endpoint.url)

  async function enable(next: 'only' | 'replay') {
    setActing(next)
    setError(null)
    try {
      await setDisabled(endpoint.id, false)
      say(endpointText.endpoints.acts.enabled(name))
      onClose()
      if (next === 'replay') {
        const search = { endpoint: endpoint.id, state: 'exhausted,canceled' }
        await navigate({ to: '/a/$account/log', params: { account: account.id }, search })
      }
    } catch (caught) {
      setError(caught)
    } finally {
      setActing(null)
    }
  }

  return (
    <Dialog title={words.title(name)} isOpen={isOpen} onClose={onClose}>
      <p>{words.body}</p>
      {error != null && <ErrorNotice error={error} />}
      <DialogActs>
        <Button onPress={onClose} autoFocus>
          {text.common.cancel}
        </Button>
        <Button pending={acting === 'only' && text.common.working} onPress={() => void enable('only')}>
          {words.only}
        </Button>
        <Button
          kind="primary"
          pending={acting === 'replay' && text.common.working}
          onPress={() => void enable('replay')}
        >
          {words.replay}
        </Button>
      </DialogActs>
    </Dialog>
  )
}
