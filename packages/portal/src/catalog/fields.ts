import type { EventType } from '@producersync/server/contract'

/** A field of a body, by its path: `data.npn`. */
export type SchemaField = { path: string; type: string; isRequired: boolean; description: string; depth: number }

const DEPTH_MAX = 8

/** The fields of a JSON Schema, parents before their children. */
export function fieldsOf(schema: unknown, path = '', depth = 0): SchemaField[] {
  if (!isObject(schema) || depth > DEPTH_MAX) return []
  const properties = isObject(schema.properties) ? schema.properties : {}
  const required = Array.isArray(schema.required) ? schema.required : []
  const own = Object.entries(properties).flatMap(([name, field]): SchemaField[] => {
    const here = path === '' ? name : `${path}.${name}`
    if (!isObject(field)) return []
    return [
      {
        path: here,
        type: typeOf(field),
        isRequired: required.includes(name),
        description: typeof field.description === 'string' ? field.description : '',
        depth,
      },
      ...fieldsOf(field, here, depth + 1),
    ]
  })
  return isObject(schema.items) ? [...own, ...fieldsOf(schema.items, `${path}[]`, depth)] : own
}

/** What another version of a schema has changed, field by field, in the order of the newer one; those that are gone last. */
export type FieldChange = { path: string; change: 'added' | 'removed' | 'changed' }

export function changesOf(before: unknown, after: unknown): FieldChange[] {
  const [former, newer] = [before, after].map((schema) => new Map(fieldsOf(schema).map((field) => [field.path, field])))
  if (!former || !newer) return []
  const said = (field: SchemaField | undefined) => field && `${field.type} ${field.isRequired}`
  return [
    ...[...newer.values()].flatMap((field): FieldChange[] => {
      const { path } = field
      if (!former.has(path)) return [{ path, change: 'added' }]
      return said(former.get(path)) === said(field) ? [] : [{ path, change: 'changed' }]
    }),
    ...[...former.keys()].flatMap((path): FieldChange[] => (newer.has(path) ? [] : [{ path, change: 'removed' }])),
  ]
}

function typeOf(field: Record<string, unknown>): string {
  if ('const' in field) return JSON.stringify(field.const)
  if (Array.isArray(field.enum)) return field.enum.map((value) => JSON.stringify(value)).join(' | ')
  const type = Array.isArray(field.type) ? field.type.join(' | ') : typeof field.type === 'string' ? field.type : 'any'
  return typeof field.format === 'string' ? `${type}, ${field.format}` : type
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether words are found in a type's name, description or the names of its fields. */
export function matches(type: EventType, words: string): boolean {
  const wanted = words.trim().toLowerCase()
  if (wanted === '') return true
  const fields = Object.values(type.schemas ?? {}).flatMap((schema) => fieldsOf(schema).map(({ path }) => path))
  return [type.name, type.description, ...fields].some((text) => text.toLowerCase().includes(wanted))
}
