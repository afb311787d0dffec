import type { Endpoint } from '@producersync/server/contract'
import { useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { useRefresh } from '#src/api/refresh.ts'
import { ApiError } from '#src/api/request.ts'
import { useWriteKeys } from '#src/api/write-keys.ts'
import { Button } from '#src/parts/button.tsx'
import { Dialog, DialogActs } from '#src/parts/dialog.tsx'
import { Radios, TextField } from '#src/parts/field.tsx'
import { ErrorNotice } from '#src/parts/notice.tsx'
import { say } from '#src/parts/toast.tsx'
import type { Account } from '#src/session/account.ts'
import { text } from '#src/text.ts'
import { endpointText } from '#src/text-endpoints.ts'

const words = endpointText.secrets.dialog
const OVERLAPS = ['86400', '3600', '604800', '0'] as const

/** Another signing secret; the former one signs beside it for a while. */
export function RotateDialog({
  endpoint,
  account,
  onClose,
}: {
  endpoint: Endpoint
  account: Account
  onClose: () => void
}) {
  const [overlap, setOverlap] = useState<(typeof OVERLAPS)[number]>('86400')
  const [own, setOwn] = useState('')
  const [isActing, setActing] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const keys = useWriteKeys()
  const refresh = useRefresh(account.id)

  async function rotate() {
    setActing(true)
    setError(null)
    try {
      const body = { gracePeriodSeconds: Number(overlap), ...(own.trim() !== '' && { key: own.trim() }) }
      await fetchJson<void>(account.id, ofAccount(account.id, 'endpoint', endpoint.id, 'secret', 'rotate'), {
        method: 'POST',
        body,
        idempotencyKey: keys.keyFor(body),
      })
      say(words.done)
      onClose()
      await refresh()
    } catch (caught) {
      setError(caught)
    } finally {
      setActing(false)
    }
  }

  return (
    <Dialog title={words.title} isOpen onClose={onClose}>
      <p>{words.body}</p>
      <Radios
        label={words.overlap}
        value={overlap}
        onChange={setOverlap}
        options={OVERLAPS.map((value) => ({ value, label: words.overlaps[value] }))}
      />
      <TextField
        label={words.own}
        name="key"
        hint={words.ownHint}
        error={error instanceof ApiError ? error.faultOf('key') : undefined}
        value={own}
        onChange={setOwn}
        isMono
      />
      {error != null && <ErrorNotice error={error} />}
      <DialogActs>
        <Button onPress={onClose} autoFocus>
          {text.common.cancel}
        </Button>
        <Button kind="primary" pending={isActing && text.common.working} onPress={() => void rotate()}>
          {words.act}
        </Button>
      </DialogActs>
    </Dialog>
  )
}
