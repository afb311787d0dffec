import { useNavigate } from '@tanstack/react-router'
import { type SubmitEvent, useState } from 'react'
import { fetchJson } from '#src/api/client.ts'
import { ApiError } from '#src/api/request.ts'
import { useWriteKeys } from '#src/api/write-keys.ts'
import { Button } from '#src/parts/button.tsx'
import { Dialog, DialogActs } from '#src/parts/dialog.tsx'
import { TextField } from '#src/parts/field.tsx'
import { ErrorNotice } from '#src/parts/notice.tsx'
import { say } from '#src/parts/toast.tsx'
import { STAFF } from '#src/session/session.ts'
import { text } from '#src/text.ts'
import { envText } from '#src/text-env.ts'

const words = envText.newAccount

export function NewAccountDialog({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate()
  const keys = useWriteKeys()
  const [name, setName] = useState('')
  const [uid, setUid] = useState('')
  const [isMaking, setMaking] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const isMissing = name.trim() === ''
  const faultOf = (field: string) => (error instanceof ApiError ? error.faultOf(field) : undefined)

  async function make(event: SubmitEvent) {
    event.preventDefault()
    if (isMissing || isMaking) return
    setMaking(true)
    setError(null)
    try {
      const body = { name: name.trim(), ...(uid.trim() === '' ? {} : { uid: uid.trim() }) }
      const idempotencyKey = keys.keyFor(body)
      const made = await fetchJson<{ id: string }>(STAFF, '/api/v1/app', { method: 'POST', body, idempotencyKey })
      say(words.made(name.trim()))
      await navigate({ to: '/a/$account', params: { account: made.id } })
    } catch (caught) {
      setError(caught)
      setMaking(false)
    }
  }

  return (
    <Dialog title={words.add} isOpen onClose={onClose}>
      {error != null && <ErrorNotice error={error} />}
      <form onSubmit={(event) => void make(event)}>
        <TextField label={words.name} name="name" error={faultOf('name')} value={name} onChange={setName} autoFocus />
        <TextField
          label={words.uid}
          name="uid"
          hint={words.uidHint}
          error={faultOf('uid')}
          value={uid}
          onChange={setUid}
          isMono
        />
        <DialogActs>
          <Button onPress={onClose}>{text.common.cancel}</Button>
          <Button
            kind="primary"
            type="submit"
            whyOff={isMissing ? words.nameFirst : null}
            pending={isMaking && text.common.working}
          >
            {words.add}
          </Button>
        </DialogActs>
      </form>
    </Dialog>
  )
}
