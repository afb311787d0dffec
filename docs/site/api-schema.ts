import { slugOf } from './headings.ts'

/** The description of the API, as far as its pages read it. */
export type Description = {
  info: { version: string }
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema>; parameters: Record<string, Parameter> }
}

export type Operation = {
  operationId: string
  summary: string
  description?: string
  tags?: string[]
  security?: object[]
  'x-access'?: string
  parameters?: (Parameter | { $ref: string })[]
  requestBody?: { content: Content }
  responses: Record<string, { $ref?: string; description?: string; content?: Content }>
}

export type Parameter = { name: string; in: string; required?: boolean; description?: string; schema?: Schema }
type Content = Record<string, { schema: Schema }>

export type Schema = {
  $ref?: string
  type?: string | string[]
  title?: string
  description?: string
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  additionalProperties?: boolean | Schema
  patternProperties?: Record<string, Schema>
  format?: string
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
  default?: unknown
}

const ENUM_SHOWN_MAX = 12
const DEPTH_MAX = 6

export function refName(ref: string): string {
  return ref.slice(ref.lastIndexOf('/') + 1)
}

/** A type in words, in Markdown; objects of the description are links to where the page shows them. */
export function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) return `[${refName(schema.$ref)}](#${slugOf(refName(schema.$ref))})`
  if (schema.const !== undefined) return code(schema.const)
  if (schema.enum) {
    const shown = schema.enum.slice(0, ENUM_SHOWN_MAX).map(code).join(', ')
    return schema.enum.length > ENUM_SHOWN_MAX ? `${shown} and ${schema.enum.length - ENUM_SHOWN_MAX} more` : shown
  }
  const either = schema.anyOf ?? schema.oneOf
  if (either) return [...new Set(either.map(typeOf))].join(' or ')
  if (schema.allOf) return schema.allOf.map(typeOf).join(' and ')
  const types = [schema.type ?? 'any'].flat()
  return types
    .map((type) => (type === 'array' ? `list of ${typeOf(schema.items ?? {})}` : named(type, schema)))
    .join(' or ')
}

function named(type: string, schema: Schema): string {
  if (type === 'null') return 'null'
  if (type === 'string' && schema.format !== undefined) return `string (${schema.format})${bounds(schema)}`
  return `${type}${bounds(schema)}`
}

function bounds({ minLength, maxLength, minimum, maximum, minItems, maxItems, default: fallback }: Schema): string {
  const range = (low: number | undefined, high: number | undefined, unit: string) => {
    if (low === undefined && high === undefined) return []
    if (low === undefined) return [`at most ${high}${unit}`]
    return [high === undefined ? `at least ${low}${unit}` : `${low} to ${high}${unit}`]
  }
  const said = [
    ...range(minLength, maxLength, ' characters'),
    ...range(minimum, maximum, ''),
    ...range(minItems, maxItems, ' members'),
    ...(fallback === undefined ? [] : [`else ${code(fallback)}`]),
  ]
  return said.length > 0 ? `, ${said.join(', ')}` : ''
}

function code(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

/** The named objects that these schemas lead to, by name. */
export function objectsOf({ components }: Description, roots: readonly (Schema | undefined)[]): string[] {
  const found = new Set<string>()
  const visit = (schema: Schema | boolean | undefined, depth: number): void => {
    if (schema === undefined || typeof schema === 'boolean' || depth > DEPTH_MAX) return
    if (schema.$ref !== undefined) {
      const name = refName(schema.$ref)
      if (found.has(name)) return
      found.add(name)
      visit(components.schemas[name], depth)
      return
    }
    const inner = [
      ...Object.values(schema.properties ?? {}),
      ...Object.values(schema.patternProperties ?? {}),
      ...(schema.anyOf ?? []),
      ...(schema.oneOf ?? []),
      ...(schema.allOf ?? []),
      schema.items,
      schema.additionalProperties,
    ]
    for (const one of inner) visit(one, depth + 1)
  }
  for (const root of roots) visit(root, 0)
  return [...found].toSorted()
}
