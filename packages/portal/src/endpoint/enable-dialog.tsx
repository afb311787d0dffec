import type { Endpoint, Page, Replay } from '@producersync/server/contract'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { useWriteKeys } from '#src/api/write-keys.ts'
import { endpointName } from '#src/endpoints/url.ts'
import { useEndpointWrites } from '#src/endpoints/writes.ts'
import { Button } from '#src/parts/button.tsx'
import { Dialog, DialogActs } from '#src/parts/dialog.tsx'
import { ErrorNotice, Skeleton } from '#src/parts/notice.tsx'
import { say } from '#src/parts/toast.tsx'
import { useDryRun } from '#src/replays/use-dry-run.ts'
import type { Account } from '#src/session/account.ts'
import { countOf, text } from '#src/text.ts'
import { endpointText } from '#src/text-endpoints.ts'

const words = endpointText.endpoint.enableDialog
const RATE = 20
const WEEK_MS = 7 * 86_400_000

/**
 * Enables an endpoint. First it counts what the endpoint missed, and offers to send exactly that.
 * @param since  from when on it got nothing; undefined: not known, then of the last week
 */
export function EnableDialog({
  endpoint,
  since,
  account,
  onClose,
}: {
  endpoint: Endpoint
  since: string | undefined
  account: Account
  onClose: () => void
}) {
  const { setDisabled } = useEndpointWrites(account.id)
  const navigate = useNavigate()
  const [acting, setActing] = useState<'only' | 'replay' | null>(null)
  const [error, setError] = useState<unknown>(null)
  const keys = useWriteKeys()
  const [from] = useState(() => since ?? new Date(Date.now() - WEEK_MS).toISOString())
  const dryRun = useDryRun(account.id, { kind: 'replay-missing', endpointIds: [endpoint.id], filter: { from } })
  const preview = dryRun.kind === 'ready' ? dryRun.preview : null
  const missed = preview && countOf(preview)
  const name = endpointName(endpoint)

  async function enable(next: 'only' | 'replay') {
    setActing(next)
    setError(null)
    try {
      await setDisabled(endpoint.id, false)
      say(endpointText.endpoints.acts.enabled(name))
      if (next === 'replay' && preview) await replay(preview.previewId)
      onClose()
    } catch (caught) {
      setError(caught)
    } finally {
      setActing(null)
    }
  }

  async function replay(previewId: string) {
    const body = { previewId, rate: RATE, order: 'oldest' }
    const { data } = await fetchJson<Pick<Page<Replay>, 'data'>>(account.id, ofAccount(account.id, 'replay'), {
      method: 'POST',
      body,
      idempotencyKey: keys.keyFor(body),
    })
    const [task] = data
    if (task) await navigate({ to: '/a/$account/replays/$task', params: { account: account.id, task: task.id } })
  }

  return (
    <Dialog title={words.title(name)} isOpen onClose={onClose}>
      <p>{words.body}</p>
      <div aria-live="polite">
        {dryRun.kind === 'running' && <Skeleton rows={1} />}
        {dryRun.kind === 'failed' && <ErrorNotice error={dryRun.error} retry={dryRun.again} />}
        {preview && <p>{preview.count === 0 ? words.nothingMissed : words.missed(preview)}</p>}
      </div>
      {error != null && <ErrorNotice error={error} />}
      <DialogActs>
        <Button onPress={onClose} autoFocus>
          {text.common.cancel}
        </Button>
        <Button
          kind={preview?.count === 0 ? 'primary' : 'plain'}
          pending={acting === 'only' && text.common.working}
          onPress={() => void enable('only')}
        >
          {words.only}
        </Button>
        {preview?.count !== 0 && (
          <Button
            kind="primary"
            whyOff={preview ? account.whyNot('CreateAttempts') : words.counting}
            pending={acting === 'replay' && text.common.working}
            onPress={() => void enable('replay')}
          >
            {words.replay(missed ?? '…')}
          </Button>
        )}
      </DialogActs>
    </Dialog>
  )
}
