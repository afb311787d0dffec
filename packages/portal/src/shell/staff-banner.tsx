import { Link } from '@tanstack/react-router'
import { type SubmitEvent, useState } from 'react'
import { Button } from '#src/parts/button.tsx'
import { Dialog, DialogActs } from '#src/parts/dialog.tsx'
import { TextField } from '#src/parts/field.tsx'
import { Notice } from '#src/parts/notice.tsx'
import { useAccount, useSession } from '#src/session/account.ts'
import { useAccountName } from '#src/session/account-name.ts'
import { giveStaffReason, useStaffReason } from '#src/session/staff-reason.ts'
import { text } from '#src/text.ts'

const words = text.staff

/** Staff see whose account they look into. To change something, they say why, once for as long as they are there. */
export function StaffBanner() {
  const { id } = useAccount()
  const session = useSession()
  const name = useAccountName()
  const reason = useStaffReason(id)
  const [isAsking, setAsking] = useState(false)
  const back = <Link to="/env">{words.back}</Link>
  return (
    <>
      {reason === null ? (
        <Notice
          title={`${words.viewing}: ${name}`}
          acts={
            <Button
              isSmall
              onPress={() => setAsking(true)}
              whyOff={session?.staff === 'operator' ? null : words.readOnly}
            >
              {words.change}
            </Button>
          }
        >
          {back}
        </Notice>
      ) : (
        <Notice
          tone="warn"
          title={`${words.changing}: ${name}`}
          acts={
            <Button isSmall onPress={() => giveStaffReason(id, null)}>
              {words.stop}
            </Button>
          }
        >
          {words.because(reason)} {back}
        </Notice>
      )}
      {isAsking && <ReasonDialog account={id} name={name} onClose={() => setAsking(false)} />}
    </>
  )
}

function ReasonDialog({ account, name, onClose }: { account: string; name: string; onClose: () => void }) {
  const [reason, setReason] = useState('')
  const isMissing = reason.trim() === ''
  function begin(event: SubmitEvent) {
    event.preventDefault()
    if (isMissing) return
    giveStaffReason(account, reason.trim().slice(0, REASON_MAX))
    onClose()
  }
  return (
    <Dialog title={words.changeTitle(name)} isOpen onClose={onClose}>
      <p>{words.changeBody}</p>
      <form onSubmit={begin}>
        <TextField label={words.reason} hint={words.reasonHint} value={reason} onChange={setReason} autoFocus />
        <DialogActs>
          <Button onPress={onClose}>{text.common.cancel}</Button>
          <Button kind="primary" type="submit" whyOff={isMissing ? words.reasonHint : null}>
            {words.begin}
          </Button>
        </DialogActs>
      </form>
    </Dialog>
  )
}

const REASON_MAX = 500
