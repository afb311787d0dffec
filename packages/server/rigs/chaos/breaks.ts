import { AcceptQueue } from '#src/events/accept-queue.ts'
import type { AcceptAnswer, AcceptCall } from '#src/events/accept-store.ts'

/** Plants a bug into this process: the caller is answered before anything is written. */
export function acknowledgeBeforeCommit(): void {
  const prototype: { accept: (this: AcceptQueue, call: AcceptCall) => Promise<AcceptAnswer> } = AcceptQueue.prototype
  const { accept } = prototype
  prototype.accept = async function acceptLater(call) {
    accept.call(this, call).catch(() => undefined)
    return {
      kind: 'accepted',
      events: call.events.map((event, index) => ({ item: call.items?.[index] ?? 0, eventId: event.id })),
    }
  }
}
