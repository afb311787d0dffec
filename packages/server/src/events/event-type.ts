import { Ajv, type AnySchemaObject } from 'ajv'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { findNodeAtLocation, type Node, parseTree } from 'jsonc-parser'
import { patternText } from '#src/adapters/http/schema.ts'
import type { Fault } from '#src/domain-error.ts'

/** A kind of event that endpoints can choose; customers of an environment all see the same ones. */
export type EventType = {
  name: string
  description: string
  groupName: string | null
  archived: boolean // cannot be chosen any more; who has chosen it keeps it
  deprecated: boolean
  optIn: boolean // goes only to endpoints that name it
  builtIn: boolean // the service's own: nobody changes it
  featureFlags: string[] // empty: everybody sees it
  schemas: string | null // JSON text as given: version → JSON Schema
  createdAt: Date
  updatedAt: Date
}

const NAME = /^(?!-)[a-zA-Z0-9\-_.]{1,256}$/

/** The name of a type, a group or a feature flag in a body: no leading hyphen, which marks an iterator that goes backwards. */
export const eventTypeName = patternText(NAME, '1 to 256 of a-z, A-Z, 0-9, -, _ and ., not beginning with -')

export function isEventTypeName(text: string): boolean {
  return NAME.test(text)
}

/** Sent on creation of an endpoint and on a changed URL. */
export const PING_TYPE = 'webhook.ping'

/** The example of a type as JSON text, or why there is none to send. */
export type Example = { found: true; text: string } | { found: false }

/**
 * Example number `index` of the highest version: an item of its schema's `examples`, or its `example`.
 * @param schemas  JSON text; what is cut from it keeps its spelling
 */
export function exampleOf(schemas: string | null, index: number): Example {
  const versions = parseTree(schemas ?? '{}')
  const newest = newestVersionOf(keysOf(versions))
  if (!schemas || !versions || newest === undefined) return { found: false }
  const examples = findNodeAtLocation(versions, [newest, 'examples'])
  const single = index === 0 ? findNodeAtLocation(versions, [newest, 'example']) : undefined
  const example = examples?.type === 'array' ? examples.children?.[index] : single
  if (example?.type !== 'object') return { found: false }
  return { found: true, text: schemas.slice(example.offset, example.offset + example.length) }
}

/** The version that counts where one schema is asked for. */
export function newestVersionOf(versions: readonly string[]): string | undefined {
  return versions.toSorted((a, b) => compareVersions(b, a))[0]
}

/** '2' < '10' < 'a': numbers by value, before all else. */
function compareVersions(a: string, b: string): number {
  const [numberA, numberB] = [a, b].map((text) => (/^\d{1,15}$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY))
  if (numberA !== undefined && numberB !== undefined && numberA !== numberB) return numberA < numberB ? -1 : 1
  return a === b ? 0 : a < b ? -1 : 1
}

function keysOf(object: Node | undefined): string[] {
  return (object?.children ?? []).map((property) => String(property.children?.[0]?.value))
}

/**
 * What is wrong with a type's schemas. Each is held against the meta-schema of its dialect and nothing more: it is not
 * compiled, and what it refers to is not fetched.
 * @param schemas  version → JSON Schema, parsed
 */
export function schemaFaults(schemas: Readonly<Record<string, unknown>>): Fault[] {
  const faults: Fault[] = []
  for (const [version, schema] of Object.entries(schemas)) {
    const wrong = schemaFault(schema)
    if (wrong) faults.push({ loc: ['body', 'schemas', version], msg: wrong, type: 'value_error' })
  }
  return faults
}

function schemaFault(schema: unknown): string | undefined {
  if (!isSchemaObject(schema)) return 'a JSON Schema is an object'
  const check = dialectOf(schema)
  if (!check) return `$schema is none of ${dialects.map((known) => known.uri).join(', ')}`
  const { $schema: _, ...bare } = schema
  const ajv = check.ajv()
  return ajv.validateSchema(bare) ? undefined : `no JSON Schema: ${ajv.errorsText(ajv.errors, { dataVar: '' })}`
}

function dialectOf({ $schema: given }: AnySchemaObject): (typeof dialects)[number] | undefined {
  if (given === undefined) return dialects[0]
  const uri = typeof given === 'string' ? given.replace(/^http:/, 'https:').replace(/#$/, '') : given
  return dialects.find((known) => known.uri === uri)
}

/** Says where a value does not fit, as path and words that hold nothing of it; null when it fits. */
export type PayloadCheck = (value: unknown) => { path: string; msg: string } | null

/**
 * Compiles the newest of a type's schemas. What it refers to outside itself is not fetched.
 * @param schemas  JSON text: version → JSON Schema
 * @returns null when the type has none; 'unusable' for a schema that cannot be checked with
 */
export function compilePayloadCheck(schemas: string | null): PayloadCheck | null | 'unusable' {
  const versions: Record<string, unknown> = JSON.parse(schemas ?? '{}')
  const newest = newestVersionOf(Object.keys(versions))
  const schema = newest === undefined ? undefined : versions[newest]
  if (schema === undefined) return null
  const dialect = isSchemaObject(schema) ? dialectOf(schema) : undefined
  if (!dialect || !isSchemaObject(schema)) return 'unusable'
  const { $schema: _, ...bare } = schema
  try {
    // an instance of its own: it goes with the check, and an $id in one schema means nothing to another
    const validate = dialect.make().compile(bare)
    return (value) => {
      if (validate(value)) return null
      const [error] = validate.errors ?? []
      return { path: error?.instancePath ?? '', msg: error?.message ?? 'does not fit the schema' }
    }
  } catch {
    return 'unusable'
  }
}

const options = { strict: false, validateFormats: false }
const dialects = [
  {
    uri: 'https://json-schema.org/draft/2020-12/schema',
    ajv: once(() => new Ajv2020(options)),
    make: () => new Ajv2020(options),
  },
  {
    uri: 'https://json-schema.org/draft/2019-09/schema',
    ajv: once(() => new Ajv2019(options)),
    make: () => new Ajv2019(options),
  },
  { uri: 'https://json-schema.org/draft-07/schema', ajv: once(() => new Ajv(options)), make: () => new Ajv(options) },
]

function isSchemaObject(value: unknown): value is AnySchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A meta-schema is compiled when the first schema of its dialect arrives, not at every start. */
function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}
