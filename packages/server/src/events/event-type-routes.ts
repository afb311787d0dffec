import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import type { Clock } from '#src/adapters/clock.ts'
import { recorded } from '#src/adapters/http/audit-note.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { type Idempotency, settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { pageParameters, parsePage, toPage } from '#src/adapters/http/pages.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import { bytesOf, memberOf } from '#src/adapters/http/scan.ts'
import { nullable, plainText } from '#src/adapters/http/schema.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError, type Fault, invalidInput, notFound } from '#src/domain-error.ts'
import { EventTypeOut, EventTypePage } from './answer-schemas.ts'
import { type EventType, eventTypeName, isEventTypeName, schemaFaults } from './event-type.ts'
import {
  addEventType,
  type EventTypeSettings,
  listEventTypes,
  lockEventType,
  putEventType,
  readEventType,
  removeEventType,
  saveEventType,
  sightOf,
} from './event-type-store.ts'

export type EventTypeParts = { api: Database; clock: Clock; idempotency: Idempotency }

declare module 'fastify' {
  interface FastifyRequest {
    /** The event type named by the path, as it was when the request came. */
    eventType: EventType
  }
}

const fields = {
  description: plainText(4096),
  archived: Type.Optional(Type.Boolean()),
  deprecated: Type.Optional(Type.Boolean()),
  schemas: Type.Optional(
    nullable(Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: { type: 'object' } })),
  ),
  groupName: Type.Optional(nullable(eventTypeName)),
  featureFlags: Type.Optional(nullable(Type.Array(eventTypeName, { uniqueItems: true }))),
  featureFlag: Type.Optional(nullable(eventTypeName)),
}
const newBody = Type.Object({ ...fields, name: eventTypeName }, { title: 'EventTypeIn' })
const putBody = Type.Object({ ...fields, name: Type.Optional(eventTypeName) }, { title: 'EventTypeUpsertIn' })
const patchBody = Type.Object(
  { ...fields, description: Type.Optional(fields.description), name: Type.Optional(eventTypeName) },
  { title: 'EventTypePatch' },
)

const listQuery = Type.Object({
  ...pageParameters,
  include_archived: Type.Optional(Type.Boolean()),
  with_content: Type.Optional(Type.Boolean()),
})
const readQuery = Type.Object({ with_content: Type.Optional(Type.Boolean()) })
const deleteQuery = Type.Object({ expunge: Type.Optional(Type.Boolean()) })

/** The types of an environment's events. Source: webhook-api 8, rows of `/event-type`; 9.5. */
export function registerEventTypeRoutes(routes: FastifyInstance, { api, clock, idempotency }: EventTypeParts): void {
  async function within<T>(request: FastifyRequest, work: (tx: Queryable) => Promise<T>): Promise<T> {
    return await api.transaction({ settings: settingsOf(request) }, work)
  }

  const operated = { config: { access: 'environment_key' } } as const
  /**
   * Options of a route whose path names a type, and who may call it; a hidden one is none.
   * @param mayBeNew  a name of no type yet is let pass
   */
  function named(access: 'ViewBase' | 'environment_key', { mayBeNew = false } = {}) {
    const find = async (request: FastifyRequest) => {
      const { principal } = request
      const name = nameOf(request)
      const type = await within(request, (tx) => readEventType(tx, principal.environment, sightOf(principal), name))
      if (type) request.eventType = type
      else if (!mayBeNew) throw notFound()
    }
    return { config: { access, find } } as const
  }
  routes.decorateRequest('eventType')

  const list = described(
    { config: { access: 'ViewBase' } },
    {
      id: 'v1.event-type.list',
      summary: 'List event types',
      query: listQuery,
      answers: { 200: EventTypePage },
    },
  )
  routes.get('/event-type', list, async (request) => {
    const { include_archived = false, with_content = false, ...wanted } = queryOf(request, listQuery)
    const page = parsePage(wanted, { isKey: isEventTypeName, order: 'ascending' })
    const { principal } = request
    const types = await within(request, (tx) =>
      listEventTypes(tx, principal.environment, sightOf(principal), page, include_archived),
    )
    return toPage(
      page,
      types,
      (type) => eventTypeAnswer(type, with_content),
      (type) => type.name,
    )
  })

  const get = described(named('ViewBase'), {
    id: 'v1.event-type.get',
    summary: 'Read an event type',
    query: readQuery,
    answers: { 200: EventTypeOut },
  })
  routes.get('/event-type/:event_type_name', get, async (request) => {
    const { with_content = true } = queryOf(request, readQuery)
    return eventTypeAnswer(request.eventType, with_content)
  })

  const create = described(operated, {
    id: 'v1.event-type.create',
    summary: 'Create an event type, or replace an archived one',
    body: newBody,
    answers: { 201: EventTypeOut },
    refusals: ['event_type_exists'],
  })
  routes.post('/event-type', create, async (request, reply) => {
    const body = bodyOf(request, newBody)
    const type = settled(request, body, DEFAULTS)
    return await idempotency.run(request, reply, async (tx) => {
      const added = await addEventType(tx, request.principal.environment, body.name, type, clock.now())
      if (!added) throw new DomainError('event_type_exists', 'An event type with this name exists.')
      request.audit.say({ target: { kind: 'event_type', id: added.name }, after: eventTypeAnswer(added, false) })
      return { status: 201, answer: eventTypeAnswer(added, true) }
    })
  })

  const put = described(named('environment_key', { mayBeNew: true }), {
    id: 'v1.event-type.upsert',
    summary: 'Create or replace an event type',
    body: putBody,
    answers: { 200: EventTypeOut, 201: EventTypeOut },
    refusals: ['conflict'],
  })
  routes.put('/event-type/:event_type_name', put, async (request, reply) => {
    const name = nameOf(request)
    const { eventType: current }: { eventType?: EventType } = request
    const body = bodyOf(request, putBody, { current: current && eventTypeAnswer(current, true) })
    refuseOtherName(body, name)
    const type = settled(request, body, DEFAULTS)
    const saved = await recorded(api, request, async (tx) => {
      const put = await putEventType(tx, request.principal.environment, name, type, clock.now())
      if (!put) throw builtIn()
      const before = current === undefined || put.created ? null : eventTypeAnswer(current, true)
      request.audit.say({ before, after: eventTypeAnswer(put.type, true) })
      return put
    })
    return await reply.code(saved.created ? 201 : 200).send(eventTypeAnswer(saved.type, true))
  })

  const patch = described(named('environment_key'), {
    id: 'v1.event-type.patch',
    summary: 'Change an event type',
    body: patchBody,
    answers: { 200: EventTypeOut },
    refusals: ['conflict'],
  })
  routes.patch('/event-type/:event_type_name', patch, async (request) => {
    const { name } = request.eventType
    const body = bodyOf(request, patchBody, { current: eventTypeAnswer(request.eventType, true) })
    refuseOtherName(body, name)
    return await recorded(api, request, async (tx) => {
      const before = await lockEventType(tx, request.principal.environment, name)
      if (!before) throw notFound()
      if (before.builtIn) throw builtIn()
      const type = settled(request, body, before)
      const saved = await saveEventType(tx, request.principal.environment, name, type, clock.now())
      if (!saved) throw notFound()
      request.audit.say({ before: eventTypeAnswer(before, true), after: eventTypeAnswer(saved, true) })
      return eventTypeAnswer(saved, true)
    })
  })

  const remove = described(named('environment_key'), {
    id: 'v1.event-type.delete',
    summary: 'Archive an event type, or remove it',
    query: deleteQuery,
    answers: { 204: null },
    refusals: ['conflict'],
  })
  routes.delete('/event-type/:event_type_name', remove, async (request, reply) => {
    const { name } = request.eventType
    const { expunge = false } = queryOf(request, deleteQuery)
    const { environment } = request.principal
    await recorded(api, request, async (tx) => {
      const type = await lockEventType(tx, environment, name)
      if (!type) throw notFound()
      if (type.builtIn) throw builtIn()
      const before = eventTypeAnswer(type, false)
      request.audit.say({ before, after: expunge ? null : { ...before, archived: true } })
      if (expunge) await removeEventType(tx, environment, name)
      else await saveEventType(tx, environment, name, { ...type, archived: true }, clock.now())
    })
    return await reply.code(204).send()
  })
}

/** A type in the words of the API, under both names where a field has two. */
function eventTypeAnswer(type: EventType, withContent: boolean) {
  return {
    name: type.name,
    description: type.description,
    groupName: type.groupName,
    archived: type.archived,
    deprecated: type.deprecated,
    featureFlags: type.featureFlags.length === 0 ? null : type.featureFlags,
    featureFlag: type.featureFlags[0] ?? null,
    schemas: withContent && type.schemas !== null ? JSON.parse(type.schemas) : null,
    createdAt: type.createdAt,
    updatedAt: type.updatedAt,
  }
}

/** POST and PUT start from these. */
const DEFAULTS: EventTypeSettings = {
  description: '',
  groupName: null,
  archived: false,
  deprecated: false,
  featureFlags: [],
  schemas: null,
}

/**
 * A type as a body wants it.
 * @param base  what a field that is not given stays or becomes
 * @throws DomainError invalid_input
 */
function settled(request: FastifyRequest, body: Static<typeof patchBody>, base: EventTypeSettings): EventTypeSettings {
  const { groupName, schemas } = body
  const faults = schemaFaults(schemas ?? {})
  const flags = flagsOf(body)
  if (flags === 'differ') faults.push(differingFlags)
  if (faults.length > 0 || flags === 'differ') throw invalidInput(...faults)
  return {
    description: body.description ?? base.description,
    groupName: groupName === undefined ? base.groupName : groupName,
    archived: body.archived ?? base.archived,
    deprecated: body.deprecated ?? base.deprecated,
    featureFlags: flags ?? base.featureFlags,
    schemas: schemas === undefined ? base.schemas : schemas === null ? null : textOf(request, 'schemas'),
  }
}

const differingFlags: Fault = {
  loc: ['body', 'featureFlag'],
  msg: 'must equal the first of featureFlags when both are given',
  type: 'value_error',
}

/** The flags under either name. Both together are fine as an answer has them: one is the first of the others. */
function flagsOf({ featureFlag, featureFlags }: Static<typeof patchBody>): string[] | undefined | 'differ' {
  if (featureFlags === undefined) return featureFlag === undefined ? undefined : [featureFlag ?? []].flat()
  const flags = featureFlags ?? []
  return featureFlag === undefined || featureFlag === (flags[0] ?? null) ? flags : 'differ'
}

/** A member of the body as it was sent: long numbers in it stay as they are. */
function textOf({ scanned }: FastifyRequest, name: string): string | null {
  const member = memberOf(scanned, name)
  return member ? bytesOf(scanned, member).toString() : null
}

function nameOf({ params }: FastifyRequest): string {
  const text =
    typeof params === 'object' && params !== null && 'event_type_name' in params ? params.event_type_name : ''
  if (typeof text !== 'string' || !isEventTypeName(text)) throw notFound()
  return text
}

function refuseOtherName(body: { name?: string }, name: string): void {
  if (body.name !== undefined && body.name !== name) {
    throw invalidInput({ loc: ['body', 'name'], msg: 'must equal the name in the path', type: 'value_error' })
  }
}

function builtIn(): DomainError {
  return new DomainError('conflict', 'Event types of the service itself cannot be changed.')
}
