import type { IdSource } from '#src/adapters/ids.ts'

/** An event of the service's own, ready to be accepted. */
export type Envelope = { id: string; createdAt: Date; payload: Buffer }

/**
 * Writes the body of an event once: `{"id":"evt_…","type","timestamp","data"}`. These bytes never change.
 * The message id (`msg_…`, sent as `webhook-id`) has the same 27 characters as the `evt_…` id, and the id's time is
 * the timestamp cut to 4 ms.
 * @param at  the moment of the change; when this process has already made later ids, the moment of its last id
 * @see https://developer-portal-staging.agentsync.io/webhooks-overview
 */
export function envelope(type: string, data: object, at: Date, ids: IdSource): Envelope {
  const { ksuid, at: idAt } = ids.next(at)
  const createdAt = idAt > at ? idAt : at
  const body = { id: `evt_${ksuid}`, type, timestamp: createdAt.toISOString(), data }
  return { id: `msg_${ksuid}`, createdAt, payload: Buffer.from(JSON.stringify(body)) }
}
