import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import type { InternalAccounts } from '#src/accounts/internal-account.ts'
import type { Environment } from '#src/accounts/principal.ts'
import type { Clock } from '#src/adapters/clock.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import type { Idempotency } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { anyObject, nullable } from '#src/adapters/http/schema.ts'
import { BODY_BYTES_MAX } from '#src/adapters/http/server.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError } from '#src/domain-error.ts'
import { type EventTypeSettings, lockEventTypes } from '#src/events/event-type-store.ts'
import { StartedTaskOut } from '#src/tasks/answer-schemas.ts'
import { startTask } from '#src/tasks/start.ts'
import { startedTaskOut } from '#src/tasks/task.ts'
import { type DescribedType, describedTypes, importedSettings, readDocument } from './document.ts'
import { archiveOthers, saveTypes } from './store.ts'
import { EXPORT } from './work.ts'

export type InterchangeParts = {
  clock: Clock
  ids: IdSource
  idempotency: Idempotency
  internal: Pick<InternalAccounts, 'of'>
  /** `TaskRunner.wake`, where this process has one. */
  wakeTasks: () => void
}

const ImportBody = Type.Object(
  {
    spec: Type.Optional(nullable(anyObject('An OpenAPI document with `webhooks`.'))),
    specRaw: Type.Optional(nullable(Type.String({ description: 'The same as text, JSON or YAML.' }))),
    dryRun: Type.Optional(Type.Boolean()),
    replaceAll: Type.Optional(Type.Boolean()),
  },
  { title: 'EventTypeImportOpenApiIn' },
)
const ImportedOut = Type.Object(
  {
    name: Type.String(),
    description: Type.String(),
    deprecated: Type.Boolean(),
    groupName: nullable(Type.String()),
    featureFlags: nullable(Type.Array(Type.String())),
    schemas: nullable(anyObject('By version.')),
  },
  { title: 'EventTypeFromOpenApi' },
)
const ImportOut = Type.Object(
  {
    data: Type.Object(
      {
        modified: Type.Array(Type.String(), { description: 'Names.' }),
        to_modify: Type.Optional(Type.Array(ImportedOut, { description: 'Of a dry run.' })),
      },
      { title: 'EventTypeImportOpenApiOutData' },
    ),
  },
  { title: 'EventTypeImportOpenApiOut' },
)
const NoBody = Type.Object({}, { title: 'EmptyIn' })

type ImportedType = EventTypeSettings & { name: string }

/** Event types in from OpenAPI documents and out to them: webhook-api 9.5. */
export function registerInterchangeRoutes(routes: FastifyInstance, parts: InterchangeParts): void {
  const { clock, ids, idempotency, internal, wakeTasks } = parts

  routes.post(
    '/event-type/import/openapi',
    described(
      { bodyLimit: BODY_BYTES_MAX.openapi, config: { access: 'environment_key', json: { longStrings: ['specRaw'] } } },
      {
        id: 'v1.event-type.import-openapi',
        summary: 'Create and change event types by an OpenAPI document',
        body: ImportBody,
        answers: { 200: ImportOut },
      },
    ),
    async (request, reply) => {
      const { spec, specRaw, dryRun = false, replaceAll = false } = bodyOf(request, ImportBody)
      if ((spec == null) === (specRaw == null)) {
        throw new DomainError('unreadable_query', 'Exactly one of spec and specRaw must be given.')
      }
      const wanted = specRaw == null ? describedTypes(spec, 'spec') : describedTypes(readDocument(specRaw), 'specRaw')
      const { environment } = request.principal
      return await idempotency.run(request, reply, async (tx) => {
        const types = await importTypes(tx, environment, wanted, { dryRun, replaceAll, now: clock.now() })
        const modified = types.map(({ name }) => name)
        return { status: 200, answer: { data: dryRun ? { modified, to_modify: types.map(typeOut) } : { modified } } }
      })
    },
  )

  const exportAll = described(
    { config: { access: 'environment_key' } },
    {
      id: 'v1.event-type.export-openapi',
      summary: 'Write the event types as an OpenAPI document',
      body: NoBody,
      answers: { 202: StartedTaskOut },
    },
  )
  routes.post('/event-type/export/openapi', exportAll, async (request, reply) => {
    bodyOf(request, NoBody)
    const { environment } = request.principal
    const owner = await internal.of(environment)
    return await idempotency.run(request, reply, async (tx) => {
      const of = { environment, accountId: owner.id, kind: EXPORT } as const
      const task = await startTask(tx, { ...of, parameters: {}, data: {} }, { ids, now: clock.now() })
      return { status: 202, answer: startedTaskOut(task), committed: wakeTasks }
    })
  })
}

/** All or nothing, in the caller's transaction. @returns the types as they are then, those of the service itself left out */
async function importTypes(
  tx: Queryable,
  environment: Environment,
  described: readonly DescribedType[],
  { dryRun, replaceAll, now }: { dryRun: boolean; replaceAll: boolean; now: Date },
): Promise<ImportedType[]> {
  const names = described.map(({ name }) => name)
  const before = new Map((await lockEventTypes(tx, environment, names)).map((type) => [type.name, type]))
  const types = described
    .filter(({ name }) => !before.get(name)?.builtIn)
    .map((type) => ({ name: type.name, ...importedSettings(type, before.get(type.name)) }))
  if (dryRun) return types
  if (types.length > 0) await saveTypes(tx, environment, types, now)
  if (replaceAll) await archiveOthers(tx, environment, names, now)
  return types
}

/** EventTypeFromOpenApi. */
function typeOut({ name, description, deprecated, groupName, featureFlags, schemas }: ImportedType) {
  return {
    name,
    description,
    deprecated,
    groupName,
    featureFlags: featureFlags.length === 0 ? null : featureFlags,
    schemas: schemas === null ? null : JSON.parse(schemas),
  }
}
