import { isDeepStrictEqual } from 'node:util'
import Type from 'typebox'
import type { Account } from '#src/accounts/principal.ts'
import { addMs } from '#src/adapters/clock.ts'
import { readBody } from '#src/adapters/http/body.ts'
import { momentOf } from '#src/adapters/http/moment.ts'
import { bytesOf, type JsonMember, memberOf, parseMember, type ScannedJson } from '#src/adapters/http/scan.ts'
import { anyObject, listOf, momentText, nullable, patternText } from '#src/adapters/http/schema.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import { type Fault, invalidInput } from '#src/domain-error.ts'
import type { NewEvent } from './accept.ts'

export const MESSAGE_ID_PREFIX = 'msg_'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const RETENTION_MS_DEFAULT = 90 * DAY_MS
const DELIVER_MS_MIN = 60_000
const DELIVER_MS_MAX = DAY_MS
const OBJECT = 0x7b // {

const typeName = patternText(
  /^[a-zA-Z0-9_.][a-zA-Z0-9\-_.]{0,255}$/,
  '1 to 256 of a-z, A-Z, 0-9, -, _ and ., not starting with -',
)
/** A channel in a body. */
export const channelName = patternText(/^[a-zA-Z0-9\-_.:+]{1,128}$/, '1 to 128 of a-z, A-Z, 0-9, -, _, ., : and +')
const tag = patternText(/^[a-zA-Z0-9\-_./\\#]{1,128}$/, '1 to 128 of a-z, A-Z, 0-9, -, _, ., /, \\ and #')
const eventId = patternText(
  /^(?!msg_)[a-zA-Z0-9\-_.]{1,256}$/,
  '1 to 256 of a-z, A-Z, 0-9, -, _ and ., not starting with msg_',
)

const MessageFields = Type.Object({
  eventType: typeName,
  eventId: Type.Optional(nullable(eventId)),
  channels: Type.Optional(nullable(listOf(channelName, 10))),
  tags: Type.Optional(nullable(listOf(tag, 5))),
  deliverAt: Type.Optional(nullable(momentText())),
  payloadRetentionPeriod: Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: 90 }))),
  payloadRetentionHours: Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: 2_160 }))),
  transformationsParams: Type.Optional(
    nullable(
      Type.Object({
        rawPayload: Type.Optional(Type.String()),
        headers: Type.Optional(Type.Record(Type.String(), Type.String())),
      }),
    ),
  ),
})

/** MessageIn as openapi.json shows it: what is cut from the body, or let pass, is not among the fields that are read. */
export const messageBody = Type.Object(
  {
    ...MessageFields.properties,
    payload: Type.Optional(anyObject('Required, unless given as `data`. Its text is kept, signed and sent as it is.')),
    data: Type.Optional(anyObject('Another name of `payload`.')),
    application: Type.Optional(nullable(anyObject('Made when the path names none; else it is not read.'))),
  },
  { title: 'MessageIn' },
)

/** Members whose bytes are taken as they are, or that have no meaning here (`application`: the path names one). */
const UNREAD = ['payload', 'data', 'application']

/**
 * Reads a message of the API (MessageIn). The payload is cut from the request as it stands, never parsed and written again.
 * @param now  becomes the event's time, cut to 4 ms
 * @returns the event, and names of the body that are not known
 * @throws DomainError invalid_input with every fault
 * Source: webhook-api 9.4
 */
export function readMessage(
  scanned: ScannedJson,
  account: Account,
  now: Date,
  ids: IdSource,
): { event: NewEvent; ignored: string[] } {
  const { value, ignored } = readBody(scanned, MessageFields, { raw: UNREAD })
  const raw = value.transformationsParams?.rawPayload
  const payload = raw === undefined ? payloadOf(scanned) : Buffer.from(raw)
  const faults: Fault[] = []
  if (value.payloadRetentionPeriod != null && value.payloadRetentionHours != null) {
    faults.push(fault('payloadRetentionHours', 'must not be given together with payloadRetentionPeriod'))
  }
  const deliverAt = value.deliverAt == null ? undefined : momentOf(value.deliverAt)
  if (deliverAt && (deliverAt < addMs(now, DELIVER_MS_MIN) || deliverAt > addMs(now, DELIVER_MS_MAX))) {
    faults.push(fault('deliverAt', 'must be 60 seconds to 24 hours ahead'))
  }
  if (faults.length > 0) throw invalidInput(...faults)

  const { ksuid, at } = ids.next(now)
  const contentType =
    raw === undefined ? undefined : checkedContentType(value.transformationsParams?.headers?.['content-type'])
  const event: NewEvent = {
    accountId: account.id,
    environment: account.environment,
    id: MESSAGE_ID_PREFIX + ksuid,
    createdAt: at,
    type: value.eventType,
    payload,
    ...(contentType === undefined ? {} : { contentType }),
    ...(value.eventId == null ? {} : { uid: value.eventId }),
    ...(value.channels?.length ? { channels: [...new Set(value.channels)] } : {}),
    ...(value.tags?.length ? { tags: [...new Set(value.tags)] } : {}),
    ...(deliverAt === undefined ? {} : { deliverAt }),
    payloadExpiresAt: addMs(at, retentionMsOf(value)),
    cause: 'event',
  }
  return { event, ignored }
}

/** The bytes of `payload`, or of its other name `data`. */
function payloadOf(scanned: ScannedJson): Buffer {
  const payload = memberOf(scanned, 'payload')
  const data = memberOf(scanned, 'data')
  const given = payload ?? data
  if (!given) throw invalidInput({ loc: ['body', 'payload'], msg: 'is required', type: 'value_error.missing' })
  if (payload && data && !isDeepStrictEqual(parseMember(scanned, payload), parseMember(scanned, data))) {
    throw invalidInput(fault('data', 'must equal payload when both are given'))
  }
  return objectBytes(scanned, given)
}

/** The bytes of a member that is a JSON object, as they were sent. @throws DomainError invalid_input */
export function objectBytes(scanned: ScannedJson, member: JsonMember): Buffer {
  if (scanned.bytes[member.start] !== OBJECT) {
    throw invalidInput({ loc: ['body', member.name], msg: 'must be a JSON object', type: 'type_error' })
  }
  return Buffer.from(bytesOf(scanned, member)) // a copy: the request's buffer goes
}

/** A raw payload always has a content type of its own: that tells it from a JSON object. */
function checkedContentType(text = 'application/json'): string {
  if (/^[\x20-\x7e]{1,128}$/.test(text)) return text
  throw invalidInput({
    loc: ['body', 'transformationsParams', 'headers', 'content-type'],
    msg: 'must be 1 to 128 printable ASCII characters',
    type: 'value_error',
  })
}

function retentionMsOf(value: {
  payloadRetentionPeriod?: number | null
  payloadRetentionHours?: number | null
}): number {
  if (value.payloadRetentionPeriod != null) return value.payloadRetentionPeriod * DAY_MS
  if (value.payloadRetentionHours != null) return value.payloadRetentionHours * HOUR_MS
  return RETENTION_MS_DEFAULT
}

function fault(name: string, msg: string): Fault {
  return { loc: ['body', name], msg, type: 'value_error' }
}
