/** A JSON value that is an object. */
export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What a JSON Schema with its references inlined may come to. */
const NODES_MAX = 20_000
const DEPTH_MAX = 128

/** A schema that cannot be inlined, in words. */
export class CannotInline extends Error {}

/**
 * What a local reference (`#/components/schemas/Pet`) names in a document; undefined when it names nothing there, or is none.
 * @see RFC 6901
 */
function lookUp(document: unknown, reference: string): unknown {
  if (reference !== '#' && !reference.startsWith('#/')) return undefined
  let value: unknown = document
  for (const part of reference.split('/').slice(1)) {
    const name = decoded(part).replaceAll('~1', '/').replaceAll('~0', '~')
    if (Array.isArray(value)) value = value[Number(name)]
    else if (isObject(value) && Object.hasOwn(value, name)) value = value[name]
    else return undefined
  }
  return value
}

/** @returns an object, itself or what its `$ref` names; undefined when it is none */
export function dereferenced(document: unknown, value: unknown): JsonObject | undefined {
  if (!isObject(value)) return undefined
  if (typeof value.$ref !== 'string') return value
  const named = lookUp(document, value.$ref)
  return isObject(named) ? named : undefined
}

/**
 * A JSON Schema that stands alone: what it refers to in the document around it stands in the place of the reference. A schema
 * that contains itself cannot; it goes to `$defs`. References within the schema, and to other documents, stay as they are.
 * @throws CannotInline when a reference names nothing, or the whole becomes too large
 */
export function inlined(document: unknown, schema: JsonObject): JsonObject {
  const wanted = new Map<string, string>() // references of those in $defs → their names there
  let nodes = 0

  function copy(value: unknown, open: readonly string[], depth: number): unknown {
    nodes += 1
    if (nodes > NODES_MAX || depth > DEPTH_MAX) throw new CannotInline('is too large with its references inlined')
    if (Array.isArray(value)) return value.map((item) => copy(item, open, depth + 1))
    if (!isObject(value)) return value
    const reference = value.$ref
    if (typeof reference !== 'string' || !isOutside(reference)) return members(value, open, depth)
    const { $ref: _, ...beside } = value
    if (open.includes(reference)) return { ...members(beside, open, depth), $ref: definitionOf(reference) }
    const named = lookUp(document, reference)
    if (named === undefined) throw new CannotInline(`refers to ${reference}, which is not there`)
    const target = copy(named, [...open, reference], depth + 1)
    return isObject(target) ? { ...target, ...members(beside, open, depth) } : target
  }

  function members(object: JsonObject, open: readonly string[], depth: number): Record<string, unknown> {
    return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, copy(value, open, depth + 1)]))
  }

  function isOutside(reference: string): boolean {
    return reference.startsWith('#') && lookUp(schema, reference) === undefined
  }

  function definitionOf(reference: string): string {
    let name = wanted.get(reference)
    if (name === undefined) {
      const last = reference.slice(reference.lastIndexOf('/') + 1).replaceAll(/[^\w.-]/g, '_') || 'root'
      name = [...wanted.values()].includes(last) ? `${last}_${wanted.size}` : last
      wanted.set(reference, name)
    }
    return `#/$defs/${name}`
  }

  const copied = copy(schema, [], 0)
  const alone = isObject(copied) ? { ...copied } : {}
  const definitions: Record<string, unknown> = isObject(alone.$defs) ? { ...alone.$defs } : {}
  // a definition may ask for further ones while it is copied
  for (const [reference, name] of wanted) definitions[name] = copy(lookUp(document, reference), [reference], 0)
  return wanted.size === 0 ? alone : { ...alone, $defs: definitions }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
