import type { ErrorObject } from 'ajv'
import { FAULTS_MAX, type Fault } from '#src/domain-error.ts'

/** Of a value that is wrong all over, this many errors are looked at. */
const ERRORS_MAX = 500
/** Longer lists and objects are judged whole, but only this much of them in detail. */
const DETAIL_MAX = 200

/**
 * What a validator found, in the words of the API: one fault per place, which says what is expected there.
 * @param where `body` or `query`, the first item of each `loc`
 */
export function toFaults(found: readonly ErrorObject[], value: unknown, where: 'body' | 'query'): Fault[] {
  const errors = found.slice(0, ERRORS_MAX)
  const faults = new Map<string, Fault>()
  const silent = explainedElsewhere(errors)
  for (const error of errors) {
    if (silent.has(error)) continue
    const fault = toFault(error, value, where)
    const place = JSON.stringify(fault.loc)
    if (!faults.has(place)) faults.set(place, fault)
    if (faults.size === FAULTS_MAX) break
  }
  if (faults.size === 0) return [{ loc: [where], msg: 'is not what is expected here', type: 'value_error' }]
  return [...faults.values()]
}

/** A value with its long lists and objects cut, so that finding all of its faults takes no longer than telling them. */
export function cutForDetail(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, DETAIL_MAX).map(cutForDetail)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, DETAIL_MAX)
      .map(([key, inner]) => [key, cutForDetail(inner)]),
  )
}

function toFault(error: ErrorObject, value: unknown, where: string): Fault {
  const loc = [where, ...locate(error.instancePath, value)]
  switch (error.keyword) {
    case 'required':
      return { loc: [...loc, String(error.params.missingProperty)], msg: 'is required', type: 'value_error.missing' }
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return {
        loc: [...loc, String(error.params.additionalProperty ?? error.params.unevaluatedProperty)],
        msg: 'is not a known field',
        type: 'value_error.extra',
      }
    case 'propertyNames':
      return {
        loc: [...loc, String(error.params.propertyName)],
        msg: 'is not a name allowed here',
        type: 'value_error',
      }
    case 'uniqueItems':
      return { loc, msg: 'must not hold the same item twice', type: 'value_error' }
    default:
      return {
        loc,
        msg: `must be ${describe(schemaOf(error))}`,
        type: error.keyword === 'type' ? 'type_error' : 'value_error',
      }
  }
}

/**
 * Errors that others say better. Of a union's alternatives only one is worth telling about, the one whose type the value
 * has; where it has none of their types, the union itself.
 */
function explainedElsewhere(errors: readonly ErrorObject[]): ReadonlySet<ErrorObject> {
  // a name's own fault: `propertyNames` itself follows
  const silent = new Set(
    errors.filter(({ propertyName, keyword }) => propertyName !== undefined && keyword !== 'propertyNames'),
  )
  for (const union of errors) {
    if (union.keyword !== 'anyOf') continue
    const inner = errors.filter((error) => isWithin(error, union))
    const further = new Set(inner.filter((error) => error.instancePath !== union.instancePath || isAboutMembers(error)))
    for (const error of inner) if (!further.has(error)) silent.add(error)
    if (further.size > 0) silent.add(union)
  }
  return silent
}

/** Is this an error of an alternative of that union, about the same value or something in it? */
function isWithin(error: ErrorObject, union: ErrorObject): boolean {
  if (error === union || !error.schemaPath.startsWith(`${union.schemaPath}/`)) return false
  return error.instancePath === union.instancePath || error.instancePath.startsWith(`${union.instancePath}/`)
}

function isAboutMembers({ keyword }: ErrorObject): boolean {
  return keyword === 'required' || keyword === 'additionalProperties' || keyword === 'propertyNames'
}

function locate(pointer: string, value: unknown): string[] {
  let at = value
  return pointer
    .split('/')
    .slice(1)
    .map((escaped) => {
      const step = escaped.replaceAll('~1', '/').replaceAll('~0', '~')
      const isIndex = Array.isArray(at)
      at = typeof at === 'object' && at !== null && Object.hasOwn(at, step) ? Reflect.get(at, step) : undefined
      return isIndex ? `[${step}]` : step
    })
}

/** A JSON Schema as far as it is described here. */
type Described = {
  'x-expected'?: string
  type?: string
  format?: string
  enum?: unknown[]
  const?: unknown
  anyOf?: Described[]
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
  minProperties?: number
  maxProperties?: number
}

function schemaOf(error: ErrorObject): Described {
  const schema: unknown = error.parentSchema
  return typeof schema === 'object' && schema !== null ? schema : {}
}

function describe(schema: Described): string {
  if (schema['x-expected'] !== undefined) return schema['x-expected']
  if (schema.anyOf) return schema.anyOf.map(describe).join(' or ')
  if (schema.enum) return `one of ${schema.enum.map(String).join(', ')}`
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  switch (schema.type) {
    case 'integer':
      return `an integer${range(schema)}`
    case 'number':
      return `a number${range(schema)}`
    case 'boolean':
      return 'true or false'
    case 'null':
      return 'null'
    case 'array':
      return `a list${count(schema.minItems, schema.maxItems, 'items')}`
    case 'object':
      return `an object${count(schema.minProperties, schema.maxProperties, 'members')}`
    case 'string':
      return describeString(schema)
    default:
      return 'another value'
  }
}

function describeString(schema: Described): string {
  if (schema.format === 'date-time') return 'a time (RFC 3339 with an offset, years 1970 to 9999)'
  if (schema.format === 'date') return 'a date (YYYY-MM-DD)'
  const length = count(schema.minLength, schema.maxLength, 'characters')
  return `a string${length}${schema.format === 'text' ? ' without control characters' : ''}`
}

function range({ minimum, maximum }: Described): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`
  return minimum === undefined ? (maximum === undefined ? '' : ` of at most ${maximum}`) : ` of at least ${minimum}`
}

function count(least = 0, most: number | undefined, what: string): string {
  if (most === undefined) return least === 0 ? '' : ` of at least ${least} ${what}`
  return least === 0 ? ` of at most ${most} ${what}` : ` of ${least} to ${most} ${what}`
}
