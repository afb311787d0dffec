import Type, { type TSchema } from 'typebox'
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
  npns: values(patternText(NPN, 'an NPN'), 'Of the population: any other NPN adds nothing.'),
  states: values(patternText(/^[A-Za-z]{2}$/, 'two letters'), '`forState`, in upper or lower case.'),
  updatedSince: Type.Optional(
    Type.String({
      format: 'date',
      pattern: '^(?!0000)', // PostgreSQL has no year 0
      'x-expected': 'a date (YYYY-MM-DD)',
      description: 'Only records whose `updatedAt` is this date or later; a `runDate` gives what that run has changed.',
    }),
  ),
  includeDeleted: flag('Also records that are `niprDeleted`, embedded ones too; by default true.'),
  active: flag('`active` of the license; by default both.'),
  loaCodes: values(
    patternText(/^[0-9A-Za-z]{1,20}$/, '1 to 20 letters or digits'),
    '`loaCode` of the line of authority; for a license, of at least one of its lines.',
  ),
  loaCategories: values(
    oneOf(LOA_CATEGORIES),
    'Categories of the line of authority, at least one; for a license, of at least one of its lines.',
  ),
  coCodes: values(patternText(/^[0-9]{5}$/, 'five digits'), '`coCode` of the appointment.'),
  status: Type.Optional({ ...oneOf(appointmentStatuses), description: '`status` of the appointment; by default any.' }),
} satisfies { [Name in keyof Filters]: unknown }

export type FilterName = keyof typeof filterParameters

const page = {
  size: Type.Optional(
    Type.Integer({ minimum: 1, maximum: SIZE_MAX, description: `Records of a page; by default ${SIZE_DEFAULT}.` }),
  ),
  continuationToken: Type.Optional(
    Type.String({ description: 'From `links.next` of a page with the same filters; absent or 0: from the start.' }),
  ),
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

/** A list of which at least one value must be met. */
function values<T extends TSchema>(value: T, description: string) {
  return Type.Optional({ ...listOf(value, LIST_MAX, 1), description })
}

function flag(description: string) {
  return Type.Optional(Type.Boolean({ description }))
}
