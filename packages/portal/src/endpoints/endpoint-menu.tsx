import { useNavigate } from '@tanstack/react-router'
import { Ban, Ellipsis, Pencil, Play, RotateCcw, Send, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { Button } from '#src/parts/button.tsx'
import { DangerDialog, FailedDialog } from '#src/parts/dialog.tsx'
import { Menu, MenuItem } from '#src/parts/menu.tsx'
import { MenuButton } from '#src/parts/menu-button.tsx'
import { say } from '#src/parts/toast.tsx'
import { failedAt, ReplayDialog } from '#src/replays/replay-dialog.tsx'
import type { Account } from '#src/session/account.ts'
import { endpointText } from '#src/text-endpoints.ts'
import { useEndpointWrites } from './writes.ts'

const words = endpointText.endpoints.acts

/** `name`: as people call it. */
type Target = { id: string; name: string; isDisabled: boolean; waiting: number | null }

/** What can be done to one endpoint. @param onGone  it has been deleted */
export function EndpointMenu({ target, account, onGone }: { target: Target; account: Account; onGone?: () => void }) {
  const { id, name, isDisabled, waiting } = target
  const [dialog, setDialog] = useState<'disable' | 'delete' | 'replay' | null>(null)
  const [error, setError] = useState<unknown>(null)
  const navigate = useNavigate()
  const { setDisabled, remove } = useEndpointWrites(account.id)
  const params = { account: account.id, endpoint: id }
  const whyNot = account.whyNot('ManageEndpoint')
  const close = () => setDialog(null)

  async function enable() {
    try {
      await setDisabled(id, false)
      say(words.enabled(name))
    } catch (caught) {
      setError(caught)
    }
  }

  return (
    <>
      <Menu name={words.menu(name)} trigger={<MenuButton isQuiet icon={Ellipsis} name={words.menu(name)} />}>
        <MenuItem
          id="test"
          icon={Send}
          whyOff={account.whyNot('CreateAttempts')}
          onAction={() => void navigate({ to: '/a/$account/endpoints/$endpoint', params, search: { tab: 'testing' } })}
        >
          {words.test}
        </MenuItem>
        <MenuItem
          id="replay"
          icon={RotateCcw}
          whyOff={account.whyNot('CreateAttempts')}
          onAction={() => setDialog('replay')}
        >
          {words.replay}
        </MenuItem>
        <MenuItem
          id="edit"
          icon={Pencil}
          whyOff={whyNot}
          onAction={() => void navigate({ to: '/a/$account/endpoints/$endpoint', params, search: { tab: 'settings' } })}
        >
          {words.edit}
        </MenuItem>
        {isDisabled ? (
          <MenuItem id="enable" icon={Play} whyOff={whyNot} onAction={() => void enable()}>
            {words.enable}
          </MenuItem>
        ) : (
          <MenuItem id="disable" icon={Ban} whyOff={whyNot} onAction={() => setDialog('disable')}>
            {words.disable}
          </MenuItem>
        )}
        <MenuItem id="delete" icon={Trash2} isBad whyOff={whyNot} onAction={() => setDialog('delete')}>
          {words.delete}
        </MenuItem>
      </Menu>
      <FailedDialog title={words.notEnabled(name)} error={error} onClose={() => setError(null)} />
      {dialog === 'replay' && <ReplayDialog wish={failedAt(id)} onClose={close} />}
      <DisableDialog target={target} account={account} isOpen={dialog === 'disable'} onClose={close} />
      <DangerDialog
        title={words.deleteTitle(name)}
        effect={words.deleteEffect(waiting)}
        verb={words.delete}
        confirm={name}
        isOpen={dialog === 'delete'}
        onClose={close}
        act={async () => {
          await remove(id)
          say(words.deleted(name))
          onGone?.()
        }}
        alternative={!isDisabled && <Button onPress={() => setDialog('disable')}>{words.disableInstead}</Button>}
      />
    </>
  )
}

/** Asks before an endpoint is disabled: what waits for it is cancelled. */
export function DisableDialog({
  target: { id, name, waiting },
  account,
  isOpen,
  onClose,
}: {
  target: Target
  account: Account
  isOpen: boolean
  onClose: () => void
}) {
  const { setDisabled } = useEndpointWrites(account.id)
  return (
    <DangerDialog
      title={words.disableTitle(name)}
      effect={words.disableEffect(waiting)}
      verb={words.disable}
      isOpen={isOpen}
      onClose={onClose}
      act={async () => {
        await setDisabled(id, true)
        say(words.disabled(name))
      }}
    />
  )
}
