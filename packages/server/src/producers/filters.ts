import Type from 'typebox'
import { listOf, oneOf, patternText } from '#src/adapters/http/schema.ts'
import { NPN } from '#src/population/npn.ts'
import { LOA_CATEGORIES, type LoaCategory } from '#src/updates/feed/normalise-loa.ts'
import { type AppointmentStatus, appointmentStatuses } from './answer-schemas.ts'

const LIST_MAX = 1_000
const SIZE_MAX = 1_000
const SIZE_DEFAULT = 250

/** What a list leaves out. Different filters combine with AND, the values of one with OR. Source: producersync-api 5. */
export type Filters = {
  npns?: string[]
  states?: string[]
  /** `YYYY-MM-DD`, inclusive, against the served `updatedAt`. */
  updatedSince?: string
  includeDeleted?: boolean
  active?: boolean
  loaCodes?: string[]
  loaCategories?: LoaCategory[]
  coCodes?: string[]
  status?: AppointmentStatus
}

/** What a list is asked for. */
export type ListQuery = Filters & { size?: number; continuationToken?: string }

const filterParameters = {
  npns: Type.Optional(listOf(patternText(NPN, 'an NPN'), LIST_MAX, 1)),
  states: Type.Optional(listOf(patternText(/^[A-Za-z]{2}$/, 'two letters'), LIST_MAX, 1)),
  updatedSince: Type.Optional(
    // PostgreSQL has no year 0
    Type.String({ format: 'date', pattern: '^(?!0000)', 'x-expected': 'a date (YYYY-MM-DD)' }),
  ),
  includeDeleted: Type.Optional(Type.Boolean()),
  active: Type.Optional(Type.Boolean()),
  loaCodes: Type.Optional(listOf(patternText(/^[0-9A-Za-z]{1,20}$/, '1 to 20 letters or digits'), LIST_MAX, 1)),
  loaCategories: Type.Optional(listOf(oneOf(LOA_CATEGORIES), LIST_MAX, 1)),
  coCodes: Type.Optional(listOf(patternText(/^[0-9]{5}$/, 'five digits'), LIST_MAX, 1)),
  status: Type.Optional(oneOf(appointmentStatuses)),
} satisfies { [Name in keyof Filters]: unknown }

export type FilterName = keyof typeof filterParameters

const page = {
  size: Type.Optional(Type.Integer({ minimum: 1, maximum: SIZE_MAX })),
  continuationToken: Type.Optional(Type.String()),
}
const allParameters = Type.Object({ ...filterParameters, ...page })

/** What some lists have and others do not: all of it is optional. */
export type ListSchema = typeof allParameters

/** The query of a list that has these filters, and `updatedSince` and `includeDeleted`, which all have. */
export function listQuery(names: readonly FilterName[]): ListSchema {
  const has = new Set<string>([...names, 'updatedSince', 'includeDeleted', ...Object.keys(page)])
  const properties = Object.entries(allParameters.properties).filter(([name]) => has.has(name))
  return Type.Object(Object.fromEntries(properties)) as unknown as ListSchema // one that gives fewer of them
}

/** A query taken apart: the filters in one spelling of each, and the page. */
export function readListQuery(query: ListQuery): { filters: Filters; size: number; token: string } {
  const { size = SIZE_DEFAULT, continuationToken = '0', ...filters } = query
  if (filters.states) filters.states = filters.states.map((state) => state.toUpperCase())
  return { filters, size, token: continuationToken }
}

/** The filters as parameters of a query, in the order in which they were given. */
export function filterPairs(filters: Filters): [string, string][] {
  return Object.entries(filters).map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : String(value)])
}
