import Type, { type TSchema } from 'typebox'
import { momentText, nullable, oneOf } from '#src/adapters/http/schema.ts'
import { outcomes } from './job.ts'
import { NPN } from './npn.ts'
import { dataStatuses } from './store.ts'

const count = Type.Integer({ minimum: 0 })
const npn = Type.String({ pattern: NPN.source })
const date = Type.String({ format: 'date' })
/** A link of HAL, with an absolute address. */
export const link = Type.Object({ href: Type.String({ format: 'uri' }) }, { title: 'Link' })

/** Links under these names. */
export function links(...names: string[]) {
  return Type.Object(Object.fromEntries(names.map((name) => [name, link])))
}

/** A page of a v1 list. @param name key of the rows */
function v1ListOf(title: string, name: string, row: TSchema) {
  return Type.Object(
    {
      embedded: Type.Optional(Type.Object({ [name]: Type.Array(row, { minItems: 1 }) })),
      links: Type.Object({
        self: link,
        first: Type.Optional(link),
        prev: Type.Optional(link),
        next: Type.Optional(link),
        last: Type.Optional(link),
      }),
      page: Type.Object(
        { size: count, totalElements: count, totalPages: count, number: count },
        { title: 'V1Page', description: '`number` counts from 0.' },
      ),
    },
    { title },
  )
}

export const SubscriptionsOut = v1ListOf(
  'Subscriptions',
  'subscriptions',
  Type.Object(
    {
      npn,
      activatedAt: momentText(),
      source: Type.String(),
      dataStatus: oneOf(dataStatuses),
      links: links('entity'),
    },
    { title: 'Subscription' },
  ),
)

export const JobAcceptedOut = Type.Object(
  {
    success: Type.Literal(true),
    message: Type.String(),
    job_id: Type.String({ format: 'uuid' }),
    links: links('self', 'status'),
  },
  { title: 'JobAccepted' },
)

export const JobOut = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    type: oneOf(['add', 'replace', 'remove']),
    state: oneOf(['pending', 'running', 'succeeded', 'partly_failed', 'failed']),
    createdAt: date,
    updatedAt: date,
    details: Type.Object({
      requested: count,
      distinct: count,
      processed: count,
      added: count,
      alreadyActive: count,
      removed: count,
      notActive: count,
      invalid: count,
      message: nullable(Type.String()),
      acceptedAt: momentText(),
      startedAt: nullable(momentText()),
      finishedAt: nullable(momentText()),
    }),
    links: links('self', 'details'),
  },
  { title: 'Job' },
)

export const JobDetailsOut = v1ListOf(
  'JobDetails',
  'details',
  Type.Object(
    { npn: Type.String(), outcome: nullable(oneOf(outcomes)), reason: nullable(oneOf(['malformed', 'limit_reached'])) },
    { title: 'JobItem' },
  ),
)

export const SettingsOut = Type.Object({ autoSubscribe: Type.Boolean() }, { title: 'Settings' })
