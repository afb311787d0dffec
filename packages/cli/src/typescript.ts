import { isJson, type Json } from './api.ts'

const DEPTH_MAX = 32

/** The TypeScript type of what a JSON Schema describes; `unknown` for what it cannot say. Unknown members are allowed, as in the schema. */
export function typeOf(schema: unknown, depth = 0): string {
  if (!isJson(schema) || depth > DEPTH_MAX) return 'unknown'
  if ('const' in schema) return JSON.stringify(schema.const)
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value)).join(' | ') || 'never'
  for (const word of ['anyOf', 'oneOf'] as const) {
    const options = schema[word]
    if (Array.isArray(options)) return options.map((option) => `(${typeOf(option, depth + 1)})`).join(' | ')
  }
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type }, depth + 1)).join(' | ')
  switch (schema.type) {
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type
    case 'number':
    case 'integer':
      return 'number'
    case 'array':
      return `(${typeOf(schema.items, depth + 1)})[]`
    case 'object':
      return objectTypeOf(schema, depth)
    default:
      return 'unknown'
  }
}

function objectTypeOf({ properties, required, additionalProperties }: Json, depth: number): string {
  if (!isJson(properties)) {
    return `Record<string, ${isJson(additionalProperties) ? typeOf(additionalProperties, depth + 1) : 'unknown'}>`
  }
  const needed = new Set(Array.isArray(required) ? required : [])
  const indent = '  '.repeat(depth + 1)
  const members = Object.entries(properties).map(([name, member]) => {
    const key = /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name)
    return `${indent}${key}${needed.has(name) ? '' : '?'}: ${typeOf(member, depth + 1)}\n`
  })
  return `{\n${members.join('')}${'  '.repeat(depth)}}`
}
