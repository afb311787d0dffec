import type { NewAccountKey } from '@producersync/server/contract'
import { type SubmitEvent, useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { useRefresh } from '#src/api/refresh.ts'
import { ApiError } from '#src/api/request.ts'
import { useWriteKeys } from '#src/api/write-keys.ts'
import { Button } from '#src/parts/button.tsx'
import { Dialog, DialogActs } from '#src/parts/dialog.tsx'
import { Radios, Select, TextField } from '#src/parts/field.tsx'
import { ErrorNotice } from '#src/parts/notice.tsx'
import type { Account } from '#src/session/account.ts'
import { ROLE_OPTIONS, type Role } from '#src/session/roles.ts'
import { text } from '#src/text.ts'
import { accountText } from '#src/text-account.ts'

const words = accountText.keysOf
const DAYS = ['90', '365', ''] as const

/** A new key; its secret comes with the answer, this once. */
export function KeyDialog({
  account,
  onMade,
  onClose,
}: {
  account: Account
  onMade: (key: NewAccountKey) => void
  onClose: () => void
}) {
  const [kind, setKind] = useState<'apiKey' | 'client'>('apiKey')
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('developer')
  const [days, setDays] = useState<(typeof DAYS)[number]>('365')
  const [isMaking, setMaking] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const keys = useWriteKeys()
  const refresh = useRefresh(account.id)

  async function make(event: SubmitEvent) {
    event.preventDefault()
    if (name.trim() === '' || isMaking) return
    setMaking(true)
    setError(null)
    try {
      const rights = kind === 'apiKey' ? { role, ...(days !== '' && { expiresInDays: Number(days) }) } : {}
      const body = { kind, name: name.trim(), ...rights }
      const made = await fetchJson<NewAccountKey>(account.id, ofAccount(account.id, 'key'), {
        method: 'POST',
        body,
        idempotencyKey: keys.keyFor(body),
      })
      await refresh()
      onMade(made)
    } catch (caught) {
      setError(caught)
    } finally {
      setMaking(false)
    }
  }

  return (
    <Dialog title={words.add} isOpen onClose={onClose}>
      <form onSubmit={(event) => void make(event)} style={{ display: 'contents' }}>
        <Radios
          label={words.kind}
          value={kind}
          onChange={setKind}
          options={[
            { value: 'apiKey', label: words.kinds.apiKey, hint: words.kindHints.apiKey },
            { value: 'client', label: words.kinds.client, hint: words.kindHints.client },
          ]}
        />
        <TextField
          label={words.name}
          name="name"
          hint={words.nameHint}
          error={error instanceof ApiError ? error.faultOf('name') : undefined}
          value={name}
          onChange={setName}
        />
        {kind === 'apiKey' && (
          <>
            <Select
              label={accountText.members.role}
              hint={accountText.members.roleHints[role]}
              value={role}
              onChange={setRole}
              options={ROLE_OPTIONS}
            />
            <Select
              label={words.expires}
              value={days}
              onChange={setDays}
              options={DAYS.map((value) => ({ value, label: words.days[value === '' ? 'never' : value] }))}
            />
          </>
        )}
        {error != null && <ErrorNotice error={error} />}
        <DialogActs>
          <Button onPress={onClose}>{text.common.cancel}</Button>
          <Button
            kind="primary"
            type="submit"
            whyOff={name.trim() === '' ? words.nameFirst : null}
            pending={isMaking && text.common.working}
          >
            {words.make}
          </Button>
        </DialogActs>
      </form>
    </Dialog>
  )
}
