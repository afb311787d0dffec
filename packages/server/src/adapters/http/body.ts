import type { FastifyRequest } from 'fastify'
import type { Static, TObject } from 'typebox'
import { type Fault, invalidInput } from '#src/domain-error.ts'
import { mustBeDescribed } from './operation.ts'
import { parseMembers, parseWhole, type ScannedJson } from './scan.ts'
import { faultsOf } from './schema.ts'

/** Set by the service alone, whatever a body says. Source: webhook-api 4.2. */
const PROTECTED = new Set(
  [
    'id',
    'appId',
    'endpointId',
    'msgId',
    'orgId',
    'envId',
    'accountId',
    'tenantId',
    'createdAt',
    'failingSince',
    'disabledReason',
  ].flatMap((name) => [name, name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`)]),
)
const UNSTORABLE = 'must not hold a NUL character or half of a surrogate pair'
const IGNORED_NAMES_MAX = 20
const HEADER_SAFE_NAME = /^[A-Za-z0-9_.$-]{1,64}$/

export type BodyOptions = {
  /** Names that are known and left unread: the route cuts their bytes from `request.scanned`. */
  raw?: readonly string[]
  /** Further names that this body may not set; null counts as absent. */
  readOnly?: readonly string[]
  /** On PUT and PATCH the addressed object's answer: a protected name that repeats its value is let pass. */
  current?: Readonly<Record<string, unknown>>
}

/**
 * The body's members that `schema` names, checked against it: nothing coerced, filled in or taken over that is not named.
 * Unknown names are noted for `x-ignored-fields`.
 * @throws DomainError invalid_input with all faults, up to 20, at `['body', …]`
 */
export function bodyOf<T extends TObject>(request: FastifyRequest, schema: T, options: BodyOptions = {}): Static<T> {
  mustBeDescribed(request, 'body', schema, options.raw)
  const { value, ignored } = readBody(request.scanned, schema, options)
  request.ignoredFields.push(...ignored)
  return value
}

/** As `bodyOf`, for a body that is no request's own, such as an item of a batch. */
export function readBody<T extends TObject>(
  scanned: ScannedJson,
  schema: T,
  { raw = [], readOnly = [], current }: BodyOptions = {},
): { value: Static<T>; ignored: string[] } {
  if (scanned.root !== 'object') {
    throw invalidInput({ loc: ['body'], msg: 'must be a JSON object', type: 'type_error' })
  }
  const known = Object.keys(schema.properties)
  const wanted = new Set(known)
  const guarded = scanned.members.filter(
    ({ name }) => !wanted.has(name) && (PROTECTED.has(name) || readOnly.includes(name)),
  )
  for (const { name } of guarded) wanted.add(name)
  const values = parseMembers(scanned, wanted)

  const faults: Fault[] = []
  for (const { name } of guarded) {
    const isUnset = values[name] === null && readOnly.includes(name)
    if (!isUnset && !repeats(current, name, values[name])) {
      faults.push({ loc: ['body', name], msg: 'cannot be set', type: 'value_error.read_only' })
    }
    delete values[name]
  }
  for (const name of known) {
    if (!isStorable(values[name])) faults.push({ loc: ['body', name], msg: UNSTORABLE, type: 'value_error' })
  }
  faults.push(...faultsOf(values, schema, 'body'))
  if (faults.length > 0) throw invalidInput(...faults)

  const ignored = scanned.members.filter(({ name }) => !wanted.has(name) && !raw.includes(name)).map(({ name }) => name)
  // only what the schema names was parsed, and it was checked
  return { value: values as Static<T>, ignored }
}

/** The body parsed as it is, whatever JSON it is: for bodies that are no object. */
export function jsonOf(request: FastifyRequest): unknown {
  return parseWhole(request.scanned)
}

/** The value of `x-ignored-fields`; undefined when nothing was ignored. Names that a header cannot hold are left out. */
export function ignoredFieldsHeader(names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined
  const safe = names.filter((name) => HEADER_SAFE_NAME.test(name)).slice(0, IGNORED_NAMES_MAX)
  return safe.length > 0 ? safe.join(',') : undefined
}

/**
 * A body in which a field may come under either of two names: the result has it under the canonical one only.
 * @param aliases  alias → canonical name, `{ filterTypes: 'eventTypes' }`; or, for a list that the alias gives one item
 *                 of, alias → `[name]`, `{ featureFlag: ['featureFlags'] }`
 * @param at       where the body stands
 * @throws DomainError invalid_input at the alias when both are given and differ
 * Source: webhook-api 4.1
 */
export function readAliases<B extends object, const A extends Aliases<B>>(
  body: B,
  aliases: A,
  at: readonly string[] = ['body'],
): Omit<B, keyof A> {
  const fields = new Map<string, unknown>(Object.entries(body))
  const faults: Fault[] = []
  for (const [alias, target] of Object.entries(aliases)) {
    if (!fields.has(alias)) continue
    const name = typeof target === 'string' ? target : target[0]
    const given = fields.get(alias)
    const value = typeof target === 'string' || given === null ? given : [given]
    fields.delete(alias)
    if (fields.has(name) && !isSameJson(fields.get(name), value)) {
      faults.push({ loc: [...at, alias], msg: `must equal ${name} when both are given`, type: 'value_error' })
    } else {
      fields.set(name, value)
    }
  }
  if (faults.length > 0) throw invalidInput(...faults)
  // the canonical names carry what either name gave
  return Object.fromEntries(fields) as Omit<B, keyof A>
}

type Name<B> = keyof B & string
type Aliases<B> = Readonly<Record<string, Name<B> | readonly [Name<B>]>>

/** Is there no text in it, keys included, that PostgreSQL cannot hold? */
function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0')
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isStorable)
  return Object.entries(value).every(([key, inner]) => isStorable(key) && isStorable(inner))
}

function repeats(current: Readonly<Record<string, unknown>> | undefined, name: string, value: unknown): boolean {
  if (current === undefined) return false
  const camelCase = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  return Object.hasOwn(current, camelCase) && isSameJson(current[camelCase], value)
}

function isSameJson(one: unknown, other: unknown): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other))
}

/** JSON with its keys in order, so that equal values have equal texts. */
function sorted(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, inner]) => [key, sorted(inner)])
}
