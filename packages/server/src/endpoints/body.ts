import Type, { type Static } from 'typebox'
import { metadataFault } from '#src/accounts/account.ts'
import { isSchedule } from '#src/accounts/environment-settings.ts'
import { readAliases } from '#src/adapters/http/body.ts'
import { listOf, nullable, oneOf, patternText, plainText } from '#src/adapters/http/schema.ts'
import type { Fault } from '#src/domain-error.ts'
import { eventTypeName } from '#src/events/event-type.ts'
import type { EndpointSettings } from './endpoint.ts'
import { fault } from './faults.ts'
import { GRACE_SECONDS_MAX } from './signing-secret.ts'

const uid = patternText(
  /^(?!ep_)[a-zA-Z0-9\-_.]{1,256}$/,
  '1 to 256 of a-z, A-Z, 0-9, -, _ and ., not beginning with ep_',
)
const channel = patternText(/^[a-zA-Z0-9\-_.:+]{1,128}$/, '1 to 128 of a-z, A-Z, 0-9, -, _, ., : and +')
const throttleRate = nullable(Type.Integer({ minimum: 1, maximum: 65_535 }))
/** Not `Type.Record`: its pattern of names passes over those with a line break, and their values. */
const texts = Type.Unsafe<Record<string, string>>({ type: 'object', additionalProperties: { type: 'string' } })
const textsOrNulls = Type.Unsafe<Record<string, string | null>>({
  type: 'object',
  additionalProperties: { type: ['string', 'null'], 'x-expected': 'a string or null' },
})
const eventTypes = nullable(Type.Array(eventTypeName, { uniqueItems: true }))

/** What every body about an endpoint may hold. Source: webhook-api 4.1, 9.2. */
const fields = {
  url: Type.String(),
  description: Type.Optional(plainText(4096)),
  uid: Type.Optional(nullable(uid)),
  disabled: Type.Optional(Type.Boolean()),
  eventTypes: Type.Optional(eventTypes),
  filterTypes: Type.Optional(eventTypes),
  channels: Type.Optional(nullable(Type.Array(channel, { maxItems: 10, uniqueItems: true }))),
  throttleRate: Type.Optional(throttleRate),
  rateLimit: Type.Optional(throttleRate),
  metadata: Type.Optional(texts),
  version: Type.Optional(Type.Integer({ minimum: 1 })),
  timeoutMs: Type.Optional(nullable(Type.Integer({ minimum: 1000, maximum: 30_000 }))),
  retrySchedule: Type.Optional(nullable(listOf(Type.Integer({ minimum: 1, maximum: 86_400 }), 24))),
  maxConcurrency: Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: 256 }))),
  ordering: Type.Optional(nullable(oneOf(['none', 'fifo']))),
}

const newFields = {
  secret: Type.Optional(nullable(Type.String())),
  headers: Type.Optional(nullable(texts)),
}
const { channels: _, ...operationalFields } = fields

export const newEndpointBody = Type.Object({ ...fields, ...newFields }, { title: 'EndpointIn' })
export const newOperationalBody = Type.Object(
  { ...operationalFields, ...newFields },
  { title: 'OperationalWebhookEndpointIn' },
)
export const operationalBody = Type.Object(operationalFields, { title: 'OperationalWebhookEndpointUpsertIn' })
export const endpointBody = Type.Object(fields, { title: 'EndpointUpsertIn' })
export const endpointPatchBody = Type.Object({ ...fields, url: Type.Optional(fields.url) }, { title: 'EndpointPatch' })

export const headersBody = Type.Object({ headers: texts }, { title: 'EndpointHeadersIn' })
export const headersPatchBody = Type.Object(
  { headers: Type.Optional(textsOrNulls), deleteHeaders: Type.Optional(Type.Array(Type.String())) },
  { title: 'EndpointHeadersPatchIn' },
)

export const rotateBody = Type.Object(
  {
    key: Type.Optional(nullable(Type.String())),
    gracePeriodSeconds: Type.Optional(nullable(Type.Integer({ minimum: 0, maximum: GRACE_SECONDS_MAX }))),
  },
  { title: 'EndpointSecretRotateIn' },
)

export const exampleBody = Type.Object(
  { eventType: eventTypeName, exampleIndex: Type.Optional(Type.Integer({ minimum: 0 })) },
  { title: 'EventExampleIn' },
)

/** An endpoint's fields under one name each; an empty list says no more than null. */
export type EndpointFields = ReturnType<typeof toFields>

/** @throws DomainError invalid_input where two names of a field have different values */
export function toFields(body: Static<typeof endpointPatchBody>) {
  const { version: _, ...named } = readAliases(emptyToNull(body), {
    filterTypes: 'eventTypes',
    rateLimit: 'throttleRate',
  })
  return named
}

function emptyToNull(body: Static<typeof endpointPatchBody>): Static<typeof endpointPatchBody> {
  const read = { ...body }
  for (const name of ['eventTypes', 'filterTypes', 'channels'] as const) {
    if (read[name]?.length === 0) read[name] = null
  }
  return read
}

/** A new endpoint. */
export function created(url: string, fields: EndpointFields): EndpointSettings {
  return { ...svixFields(url, fields), ...keptFields(fields, null), uid: fields.uid ?? null }
}

/**
 * PUT: a missing field takes its default, except those that official SDKs cannot send, or whose loss nobody would
 * notice. A uid of null says nothing: PATCH clears it.
 */
export function replaced(before: EndpointSettings, url: string, fields: EndpointFields): EndpointSettings {
  return { ...svixFields(url, fields), ...keptFields(fields, before), uid: fields.uid ?? before.uid }
}

/** PATCH: what is absent stays, null clears. */
export function patched(before: EndpointSettings, url: string, fields: EndpointFields): EndpointSettings {
  return {
    ...keptFields(fields, before),
    url,
    description: fields.description ?? before.description,
    uid: given(fields.uid, before.uid),
    disabled: fields.disabled ?? before.disabled,
    eventTypes: given(fields.eventTypes, before.eventTypes),
    channels: given(fields.channels, before.channels),
    throttleRate: given(fields.throttleRate, before.throttleRate),
    metadata: fields.metadata ?? before.metadata,
  }
}

function svixFields(url: string, fields: EndpointFields) {
  return {
    url,
    description: fields.description ?? '',
    disabled: fields.disabled ?? false,
    eventTypes: fields.eventTypes ?? null,
    channels: fields.channels ?? null,
    throttleRate: fields.throttleRate ?? null,
    metadata: fields.metadata ?? {},
  }
}

function keptFields(fields: EndpointFields, before: EndpointSettings | null) {
  return {
    timeoutMs: given(fields.timeoutMs, before?.timeoutMs ?? null),
    retrySchedule: given(fields.retrySchedule, before?.retrySchedule ?? null),
    maxConcurrency: given(fields.maxConcurrency, before?.maxConcurrency ?? null),
    ordering: given(fields.ordering, before?.ordering ?? 'none') ?? 'none',
  }
}

function given<T>(value: T | undefined, otherwise: T): T {
  return value === undefined ? otherwise : value
}

/** What is wrong with settings beyond the form of each field. */
export function settingsFaults(settings: EndpointSettings): Fault[] {
  const faults: Fault[] = []
  const metadata = metadataFault(settings.metadata)
  if (metadata) faults.push(fault('metadata', metadata))
  if (settings.retrySchedule && !isSchedule(settings.retrySchedule)) {
    faults.push(fault('retrySchedule', 'waits of more than 691,200 seconds in all'))
  }
  if (settings.ordering === 'fifo' && (settings.maxConcurrency ?? 1) > 1) {
    faults.push(fault('maxConcurrency', 'must be null or 1 with fifo'))
  }
  return faults
}
