import type { NewEvent } from './accept.ts'

/** An event as lists and answers show it. */
export type StoredEvent = {
  id: string
  type: string
  uid: string | null
  channels: string[] | null
  tags: string[] | null
  createdAt: Date
  deliverAt: Date | null
  payload: Buffer | null // null: erased or expired
  contentType: string | null // null: the payload is a JSON object; else it was given as raw text
}

export function storedOf(event: NewEvent): StoredEvent {
  return {
    id: event.id,
    type: event.type,
    uid: event.uid ?? null,
    channels: event.channels ?? null,
    tags: event.tags ?? null,
    createdAt: event.createdAt,
    deliverAt: event.deliverAt ?? null,
    payload: event.payload,
    contentType: event.contentType ?? null,
  }
}

/**
 * The JSON text of a message (MessageOut), with the accepted bytes of its payload in it, unchanged.
 * @param withContent  false: `payload` is `{}`
 * @param extra        further members, e.g. a status
 * Source: webhook-api 9.4
 */
export function messageOut(event: StoredEvent, withContent: boolean, extra: object = {}): Buffer {
  const head = JSON.stringify({
    id: event.id,
    eventType: event.type,
    eventId: event.uid,
    channels: event.channels,
    tags: event.tags,
    timestamp: event.createdAt.toISOString(),
    deliverAt: event.deliverAt?.toISOString() ?? null,
    ...extra,
  })
  const payload = withContent ? shownPayload(event) : EMPTY
  return Buffer.concat([Buffer.from(`${head.slice(0, -1)},"payload":`), payload, CLOSE])
}

/** JSON texts as the elements of a JSON array. */
export function jsonArray(elements: readonly Buffer[]): Buffer {
  return Buffer.concat([
    OPEN_LIST,
    ...elements.flatMap((element, index) => (index === 0 ? [element] : [COMMA, element])),
    CLOSE_LIST,
  ])
}

const EMPTY = Buffer.from('{}')
const EXPIRED = Buffer.from('{"expired":true}')
const CLOSE = Buffer.from('}')
const OPEN_LIST = Buffer.from('[')
const CLOSE_LIST = Buffer.from(']')
const COMMA = Buffer.from(',')

function shownPayload({ payload, contentType }: StoredEvent): Buffer {
  if (payload === null) return EXPIRED
  return contentType === null ? payload : rawShown(payload)
}

/** A raw payload may be a JSON object all the same; anything else is shown as text. */
function rawShown(payload: Buffer): Buffer {
  const text = payload.toString('utf8')
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return payload
  } catch {
    // no JSON: shown as text below
  }
  return Buffer.from(JSON.stringify({ rawPayload: text }))
}
