import { parse } from 'yaml'
import { type Fault, invalidInput } from '#src/domain-error.ts'
import { type EventType, isEventTypeName, newestVersionOf, schemaFaults } from '#src/events/event-type.ts'
import type { EventTypeSettings } from '#src/events/event-type-store.ts'
import { CannotInline, dereferenced, inlined, isObject, type JsonObject } from './references.ts'

/** A webhook of an OpenAPI document; what is undefined is not said there. */
export type DescribedType = {
  name: string
  description: string | undefined
  deprecated: boolean
  groupName: string | null | undefined
  featureFlags: string[] | undefined
  schema: JsonObject | undefined
}

const TYPES_MAX = 1_000
const SCHEMA_BYTES_MAX = 65_536
const DESCRIPTION_MAX = 4_096
const METHODS = ['post', 'put', 'patch', 'get', 'delete'] as const
const ALIASES_MAX = 100
const FIRST_VERSION = '1'

/** A document from its text, JSON or YAML. @throws DomainError invalid_input at `specRaw`, without a word of the text */
export function readDocument(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // YAML, or nothing that can be read
  }
  try {
    return parse(text, { maxAliasCount: ALIASES_MAX, prettyErrors: false, logLevel: 'silent' })
  } catch {
    throw invalidInput({ loc: ['body', 'specRaw'], msg: 'is neither JSON nor YAML', type: 'value_error' })
  }
}

/**
 * The event types that an OpenAPI document describes, by name: every entry of its top-level `webhooks` (or `x-webhooks`).
 * @param where  the field of the request that it came in
 * @throws DomainError invalid_input with every fault
 * Source: webhook-api 9.5
 */
export function describedTypes(document: unknown, where: 'spec' | 'specRaw'): DescribedType[] {
  const at = (...path: string[]) => ['body', where, ...path]
  const member = isObject(document) && document.webhooks === undefined ? 'x-webhooks' : 'webhooks'
  const webhooks = isObject(document) ? document[member] : undefined
  const faults: Fault[] = []
  const fault = (msg: string, ...path: string[]) => faults.push({ loc: at(...path), msg, type: 'value_error' })
  if (!isObject(webhooks))
    throw invalidInput({ loc: at(), msg: 'is no OpenAPI document with webhooks', type: 'value_error' })
  const entries = Object.entries(webhooks)
  if (entries.length > TYPES_MAX) fault(`must not have more than ${TYPES_MAX} entries`, member)
  const types = entries.slice(0, TYPES_MAX).flatMap(([name, entry]) => {
    const wrong = (msg: string) => fault(msg, member, name.slice(0, 256))
    if (!isEventTypeName(name)) wrong('is no name of an event type')
    const type = describedType(document, name, entry, wrong)
    return type ? [type] : []
  })
  if (faults.length > 0) throw invalidInput(...faults)
  return types.sort((one, other) => (one.name < other.name ? -1 : 1))
}

function describedType(
  document: unknown,
  name: string,
  entry: unknown,
  wrong: (msg: string) => void,
): DescribedType | undefined {
  const item = dereferenced(document, entry)
  const operation = item && METHODS.map((method) => item[method]).find(isObject)
  if (!item || !operation) {
    wrong('has no operation')
    return undefined
  }
  const said = (key: string) => operation[key] ?? item[key]
  const group = said('x-svix-group-name')
  const flags = said('x-svix-feature-flags')
  const description = operation.description ?? operation.summary ?? item.description ?? item.summary
  if (group != null && (typeof group !== 'string' || !isEventTypeName(group)))
    wrong('x-svix-group-name is no name of a group')
  if (flags != null && !isNames(flags)) wrong('x-svix-feature-flags is no list of names')
  if (description != null && !isPlainText(description))
    wrong(`its description is no text of at most ${DESCRIPTION_MAX} characters`)
  return {
    name,
    description: typeof description === 'string' ? description : undefined,
    deprecated: operation.deprecated === true,
    groupName: group === undefined ? undefined : typeof group === 'string' ? group : null,
    featureFlags: flags === undefined ? undefined : isNames(flags) ? flags : [],
    schema: schemaOf(document, operation, wrong),
  }
}

/** The schema of the JSON body, with the examples that stand beside it. */
function schemaOf(document: unknown, operation: JsonObject, wrong: (msg: string) => void): JsonObject | undefined {
  const content = dereferenced(document, operation.requestBody)?.content
  const media = isObject(content) ? content['application/json'] : undefined
  if (!isObject(media) || !isObject(media.schema)) return undefined
  try {
    const schema = inlined(document, media.schema)
    const examples = examplesOf(document, media)
    const whole = examples.length > 0 && schema.examples === undefined ? { ...schema, examples } : schema
    if (Buffer.byteLength(JSON.stringify(whole)) > SCHEMA_BYTES_MAX)
      wrong(`its schema is larger than ${SCHEMA_BYTES_MAX} bytes`)
    for (const { msg } of schemaFaults({ [FIRST_VERSION]: whole })) wrong(msg)
    return whole
  } catch (error) {
    if (!(error instanceof CannotInline)) throw error
    wrong(`its schema ${error.message}`)
    return undefined
  }
}

function examplesOf(document: unknown, media: JsonObject): unknown[] {
  if (media.example !== undefined) return [media.example]
  if (!isObject(media.examples)) return []
  return Object.values(media.examples).flatMap((example) => dereferenced(document, example)?.value ?? [])
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string' && isEventTypeName(name))
}

function isPlainText(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length <= DESCRIPTION_MAX &&
    value.isWellFormed() &&
    !/(?![\t\n\r])\p{Cc}/u.test(value)
  )
}

/**
 * What an import makes of a type: live, and where the document says nothing as it was. Its schema takes the place of the newest
 * version; others stay.
 */
export function importedSettings(described: DescribedType, before: EventType | undefined): EventTypeSettings {
  return {
    description: described.description ?? before?.description ?? '',
    groupName: described.groupName === undefined ? (before?.groupName ?? null) : described.groupName,
    archived: false,
    deprecated: described.deprecated,
    featureFlags: described.featureFlags ?? before?.featureFlags ?? [],
    schemas: described.schema === undefined ? (before?.schemas ?? null) : withNewest(before, described.schema),
  }
}

function withNewest(before: EventType | undefined, schema: JsonObject): string {
  const versions = versionsOf(before?.schemas ?? null)
  const newest = newestVersionOf(Object.keys(versions)) ?? FIRST_VERSION
  return JSON.stringify({ ...versions, [newest]: schema })
}

function versionsOf(schemas: string | null): JsonObject {
  const versions: JsonObject = JSON.parse(schemas ?? '{}')
  return versions
}

/** An OpenAPI document that describes these types, and imports to the same. */
export function documentOf(types: readonly EventType[]): JsonObject {
  return {
    openapi: '3.1.0',
    info: { title: 'Webhooks', version: '1' },
    webhooks: Object.fromEntries(types.map((type) => [type.name, { post: operationOf(type) }])),
  }
}

function operationOf(type: EventType): JsonObject {
  const versions = versionsOf(type.schemas)
  const newest = newestVersionOf(Object.keys(versions))
  return {
    operationId: type.name,
    description: type.description,
    deprecated: type.deprecated,
    'x-svix-group-name': type.groupName,
    'x-svix-feature-flags': type.featureFlags,
    ...(newest === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: versions[newest] } } } }),
    responses: { '2XX': { description: 'Received.' } },
  }
}
