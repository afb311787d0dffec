import type { Delivery } from '@producersync/server/contract'
import { useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { explain } from '#src/api/explain.ts'
import { useWriteKeys } from '#src/api/write-keys.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { Dialog, DialogActs } from '#src/parts/dialog.tsx'
import { Notice } from '#src/parts/notice.tsx'
import { say } from '#src/parts/toast.tsx'
import { text } from '#src/text.ts'
import { deliveryText } from '#src/text-deliveries.ts'
import { EndpointName, shortId } from './delivery-columns.tsx'

const words = deliveryText.replay

/** Sends chosen deliveries once more, one after the other; what is refused stays here with its reason. */
export function ResendDialog({
  account,
  chosen,
  onClose,
  onDone,
}: {
  account: string
  chosen: readonly Delivery[]
  onClose: () => void
  onDone: () => void
}) {
  const [isBusy, setBusy] = useState(false)
  const [refused, setRefused] = useState<ReadonlyMap<string, string>>(new Map())
  const keys = useWriteKeys()

  async function send() {
    setBusy(true)
    const reasons = new Map<string, string>()
    for (const { id, msgId, endpoint } of chosen) {
      try {
        const path = ofAccount(account, 'msg', msgId, 'endpoint', endpoint.id, 'resend')
        await fetchJson(account, path, { method: 'POST', body: {}, idempotencyKey: keys.keyFor(id) })
      } catch (error) {
        reasons.set(id, explain(error).title)
      }
    }
    setRefused(reasons)
    setBusy(false)
    if (reasons.size > 0) return
    say(deliveryText.event.queued)
    onDone()
  }

  return (
    <Dialog title={words.title} isOpen onClose={onClose}>
      <p>{words.counted({ count: chosen.length, capped: false })}</p>
      <ul className={layout.small}>
        {chosen.map((delivery) => (
          <li key={delivery.id}>
            <code>{shortId(delivery.msgId)}</code> {delivery.eventType} <EndpointName of={delivery.endpoint} />{' '}
            {refused.get(delivery.id)}
          </li>
        ))}
      </ul>
      {refused.size > 0 && (
        <div role="alert">
          <Notice tone="bad" title={words.refused(refused.size)} />
        </div>
      )}
      <DialogActs>
        <Button onPress={onClose} autoFocus>
          {text.common.cancel}
        </Button>
        <Button kind="primary" onPress={() => void send()} pending={isBusy ? words.starting : false}>
          {words.start(String(chosen.length))}
        </Button>
      </DialogActs>
    </Dialog>
  )
}
