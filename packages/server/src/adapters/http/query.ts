import type { FastifyRequest } from 'fastify'
import Type, { type Static, type TArray, type TObject, type TSchema, type TUnsafe } from 'typebox'
import { DomainError, invalidInput } from '#src/domain-error.ts'
import { isCalendarDate, parseMoment } from './moment.ts'
import { mustBeDescribed } from './operation.ts'
import { faultsOf } from './schema.ts'

/** The values given for each name, in order, decoded. `name[]` and `name[3]` count as `name`. */
export type QueryParameters = ReadonlyMap<string, readonly string[]>

const NO_PARAMETERS: QueryParameters = new Map()
const INTEGER = /^-?\d{1,15}$/
const INDEX = /\[\d{0,9}\]$/

/** A moment in a query; arrives as a Date. */
export function queryMoment(): TUnsafe<Date> {
  return Type.Unsafe<Date>({ type: 'string', format: 'date-time' })
}

/** A list in a query: comma-separated, repeated, `name[]` or `name[0]`, in any mixture. */
export function queryList<T extends TSchema>(schema: T, itemsMax: number): TArray<T> {
  return Type.Array(schema, { maxItems: itemsMax })
}

/**
 * Decodes the text behind `?`.
 * @throws DomainError unreadable_query when the percent-encoding or the UTF-8 in it is broken
 */
export function parseQuery(text: string): QueryParameters {
  if (text === '') return NO_PARAMETERS
  const parameters = new Map<string, string[]>()
  for (const pair of text.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals === -1 ? pair : pair.slice(0, equals)).replace(INDEX, '')
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1))
    const values = parameters.get(name)
    if (values) values.push(value)
    else parameters.set(name, [value])
  }
  return parameters
}

/**
 * Reads the query of a request. Integers, booleans and moments are read by their types; names that the schema does not
 * have are ignored in the management API and refused under `/v1` and `/v2`.
 * @throws DomainError unreadable_query for a value that is none of its type; invalid_input, with `loc: ['query', name]`,
 *         for one outside its range or pattern
 */
export function queryOf<T extends TObject>(
  request: Pick<FastifyRequest, 'family' | 'parameters'> & Partial<Pick<FastifyRequest, 'routeOptions'>>,
  schema: T,
): Static<T> {
  mustBeDescribed(request, 'query', schema)
  if (request.family === 'producersync') refuseUnknown(request.parameters, schema)
  const values: Record<string, unknown> = { __proto__: null }
  const moments = new Map<string, Date>()
  for (const [name, property] of Object.entries<PropertySchema>(schema.properties)) {
    const given = request.parameters.get(name)
    if (given === undefined) continue
    values[name] =
      property.type === 'array' ? readList(name, given, property.items ?? {}) : readOne(name, given, property)
    if (property.format === 'date-time') moments.set(name, readMoment(name, String(values[name])))
  }
  const faults = faultsOf(values, schema, 'query')
  if (faults.length > 0) throw invalidInput(...faults)
  // checked against the schema, moments apart, which are strings to it
  return Object.assign(values, Object.fromEntries(moments)) as Static<T>
}

type PropertySchema = { type?: string; format?: string; items?: PropertySchema }

function readList(name: string, given: readonly string[], item: PropertySchema): unknown[] {
  return given
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '')
    .map((value) => read(name, value, item))
}

function readOne(name: string, given: readonly string[], property: PropertySchema): unknown {
  const [value = ''] = given
  if (given.length > 1) throw unreadable(name, 'must not be given more than once')
  return read(name, value, property)
}

function read(name: string, value: string, property: PropertySchema): unknown {
  switch (property.type) {
    case 'integer':
      if (!INTEGER.test(value)) throw unreadable(name, 'must be an integer')
      return Number(value)
    case 'boolean':
      if (value !== 'true' && value !== 'false') throw unreadable(name, 'must be true or false')
      return value === 'true'
    default:
      if (property.format === 'date' && !isCalendarDate(value)) throw unreadable(name, 'must be a date (YYYY-MM-DD)')
      return value
  }
}

function readMoment(name: string, value: string): Date {
  const moment = parseMoment(value)
  if (moment === undefined) throw unreadable(name, 'must be a time (RFC 3339 with an offset)')
  return moment
}

function refuseUnknown(parameters: QueryParameters, schema: TObject): void {
  for (const name of parameters.keys()) {
    if (!Object.hasOwn(schema.properties, name)) throw unreadable(name, 'is not a parameter of this operation')
  }
}

function decode(text: string): string {
  try {
    const decoded = decodeURIComponent(text.replaceAll('+', ' '))
    if (!decoded.includes('\0')) return decoded
  } catch {
    // refused below, with what is refused for its content
  }
  throw new DomainError('unreadable_query', 'The query holds broken percent-encoding.')
}

function unreadable(name: string, what: string): DomainError {
  return new DomainError('unreadable_query', `${name}: ${what}`)
}
