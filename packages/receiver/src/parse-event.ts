import { type KnownEvent, knownData, type WebhookEvent } from './events.ts'
import { VerificationError } from './verification-error.ts'

/**
 * Reads the envelope of a verified webhook. Fields it does not know are kept; an event type it does not know is fine.
 * @param value  what `verify` returned
 * @throws VerificationError `invalid_event`, naming the first field that is not as it should be */
export function parseEvent(value: unknown): WebhookEvent {
  if (!isObject(value)) throw invalidEvent('body')
  const { id, type, timestamp, data } = value
  if (typeof id !== 'string' || id === '') throw invalidEvent('id')
  if (typeof type !== 'string' || type === '') throw invalidEvent('type')
  if (typeof timestamp !== 'string' || Number.isNaN(Date.parse(timestamp))) throw invalidEvent('timestamp')
  if (!isObject(data)) throw invalidEvent('data')
  for (const [field, kind] of Object.entries(isKnownType(type) ? knownData[type] : {})) {
    if (typeof data[field] !== kind) throw invalidEvent(`data.${field}`)
  }
  return { ...value, id, type, timestamp, data }
}

/** Whether this version of the package knows the event's type; then `switch (event.type)` narrows `event.data`. */
export function isKnown(event: WebhookEvent): event is KnownEvent {
  return isKnownType(event.type)
}

function isKnownType(type: string): type is KnownEvent['type'] {
  return Object.hasOwn(knownData, type)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalidEvent(field: string): VerificationError {
  return new VerificationError('invalid_event', `The body is not an event: see its ${field}.`)
}
