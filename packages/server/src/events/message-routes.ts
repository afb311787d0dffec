import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Access } from '#src/accounts/access.ts'
import type { Environments } from '#src/accounts/environments.ts'
import { findUnlessUid } from '#src/accounts/on-the-fly.ts'
import { readBody } from '#src/adapters/http/body.ts'
import { type IdempotencyKey, idempotencyKeyOf, settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { managementBody, problemOf } from '#src/adapters/http/problem.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import { pathValue } from '#src/adapters/http/routes.ts'
import { bytesOf, scanJson } from '#src/adapters/http/scan.ts'
import { BODY_BYTES_MAX } from '#src/adapters/http/server.ts'
import { DomainError, invalidInput, notFound } from '#src/domain-error.ts'
import type { NewEvent } from './accept.ts'
import type { AcceptQueue } from './accept-queue.ts'
import type { AcceptAnswer, Accepted } from './accept-store.ts'
import { MessageBatchOut, MessageOut } from './answer-schemas.ts'
import { readEvent, readEvents } from './event-store.ts'
import { acceptFirstMessage, type FirstMessageParts, makesAccount } from './first-message.ts'
import type { Intake } from './intake.ts'
import { messageBody, readMessage } from './message.ts'
import { jsonArray, messageOut, type StoredEvent, storedOf } from './message-out.ts'
import type { SchemaEnforcement } from './schema-enforcement.ts'

export type MessageParts = FirstMessageParts & {
  access: Access
  queue: AcceptQueue
  intake: Intake
  environments: Environments
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The event named by the path of `GET …/msg/:msg_id`. */
    event: StoredEvent
  }
}

const MESSAGES_PER_BATCH_MAX = 1_000
const ACCOUNT_AGE_MS_MAX = 1_000

const ContentQuery = Type.Object({ with_content: Type.Optional(Type.Boolean()) })

const BatchBody = Type.Object(
  { messages: Type.Array(messageBody, { minItems: 1, maxItems: MESSAGES_PER_BATCH_MAX }) },
  { title: 'MessageBatchIn' },
)

/** Accepting and reading messages (events): webhook-api 8 and 10.1. */
export function registerMessageRoutes(routes: FastifyInstance, parts: MessageParts): void {
  const long = { longStrings: ['transformationsParams.rawPayload'] }
  const find = findUnlessUid(parts.access, { maxAgeMs: ACCOUNT_AGE_MS_MAX })
  routes.post(
    '/app/:app_id/msg',
    described(
      {
        bodyLimit: BODY_BYTES_MAX.event,
        config: { access: 'environment_key', accountMayBeMissing: true, find, json: long },
      },
      {
        id: 'v1.message.create',
        summary: 'Accept a message',
        query: ContentQuery,
        body: messageBody,
        answers: { 202: MessageOut },
        refusals: ['conflict'],
      },
    ),
    async (request, reply) => {
      // remembered for a second: the statement that accepts looks again, and refuses for an account that is gone
      const name = pathValue(request, 'app_id') ?? ''
      let body = await acceptFirst(parts, request)
      if (body === null) {
        request.account = await parts.access.accountOf(request.principal, name, { maxAgeMs: ACCOUNT_AGE_MS_MAX })
        body = await acceptRemembered(parts, request, () => acceptOne(parts, request, reply))
      }
      return await sendJson(reply.code(202), body)
    },
  )
  routes.post(
    '/app/:app_id/msg/batch',
    described(
      {
        bodyLimit: BODY_BYTES_MAX.batch,
        config: { access: 'environment_key', accountMaxAgeMs: ACCOUNT_AGE_MS_MAX, json: BATCH_LIMITS },
      },
      {
        id: 'v1.message.create-batch',
        summary: 'Accept up to 1,000 messages in one transaction',
        query: ContentQuery,
        body: BatchBody,
        answers: { 202: MessageBatchOut },
      },
    ),
    async (request, reply) => {
      const results = await acceptRemembered(parts, request, () => acceptBatch(parts, request, reply))
      return await sendJson(reply.code(202), results)
    },
  )
  const findEvent = async (request: FastifyRequest) => {
    request.event = await parts.database.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
      readEvent(tx, request.account.id, pathValue(request, 'msg_id') ?? ''),
    )
  }
  routes.decorateRequest('event')
  routes.get(
    '/app/:app_id/msg/:msg_id',
    described(
      { config: { access: 'ViewBase', find: findEvent } },
      { id: 'v1.message.get', summary: 'Read a message', query: ContentQuery, answers: { 200: MessageOut } },
    ),
    async (request, reply) => {
      const { with_content: withContent = true } = queryOf(request, ContentQuery)
      return await sendJson(reply, messageOut(request.event, withContent))
    },
  )
}

/**
 * Accepts for the account as it is remembered; where that is gone, for the one that its name means by now.
 * @param accept  answers null when the account is gone
 * @throws DomainError not_found
 */
async function acceptRemembered(
  { access }: MessageParts,
  request: FastifyRequest,
  accept: () => Promise<Buffer | null>,
): Promise<Buffer> {
  const body = await accept()
  if (body !== null) return body
  request.account = await access.accountOf(request.principal, pathValue(request, 'app_id') ?? '')
  const again = await accept()
  if (again === null) throw notFound()
  return again
}

/** @returns the answer's body; null when the path names an account, or the body can make none: nothing was accepted */
async function acceptFirst(parts: MessageParts, request: FastifyRequest): Promise<Buffer | null> {
  if (!(await makesAccount(parts, request, { maxAgeMs: ACCOUNT_AGE_MS_MAX }))) return null
  const withContent = await readContentWish(parts, request)
  const first = await acceptFirstMessage(parts, request)
  if (!first) return null
  request.ignoredFields.push(...first.ignored)
  return messageOut(storedOf(first.event), withContent)
}

/** Is the payload wanted in the answer? @throws DomainError payload_too_large: the message is, for its environment */
async function readContentWish({ environments }: MessageParts, request: FastifyRequest): Promise<boolean> {
  const { with_content: withContent = true } = queryOf(request, ContentQuery)
  const { messageBytesMax } = await environments.settings(request.principal.environment)
  refuseLarger(request.bytes.length, messageBytesMax)
  return withContent
}

/** @returns the answer's body; null when the account is gone, and nothing was accepted */
async function acceptOne(parts: MessageParts, request: FastifyRequest, reply: FastifyReply): Promise<Buffer | null> {
  const withContent = await readContentWish(parts, request)
  const key = idempotencyKeyOf(request)
  const { event, ignored } = readMessage(request.scanned, request.account, parts.clock.now(), parts.ids)
  request.ignoredFields.push(...ignored)
  await parts.schemas.refuseMisfit(event)
  parts.intake.admit(request.account.id, 1, event.payload.length)
  const answer = await parts.queue.accept({ events: [event], key, items: null })
  if (answer.kind === 'account_gone') return null
  if (answer.kind === 'key_reused') throw keyReused()
  const [accepted] = answer.events
  if (!accepted || 'takenBy' in accepted) throw eventIdTaken(accepted?.takenBy)
  if (answer.kind === 'accepted') return messageOut(storedOf(event), withContent)
  const first = await parts.database.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
    readEvent(tx, request.account.id, accepted.eventId),
  )
  reply.header('x-idempotent-replay', 'true')
  return messageOut(first, withContent)
}

type Item = { event: NewEvent; ignored: string[] } | { error: DomainError }

/** @returns the answer's body; null when the account is gone, and nothing was accepted */
async function acceptBatch(parts: MessageParts, request: FastifyRequest, reply: FastifyReply): Promise<Buffer | null> {
  const { with_content: withContent = true } = queryOf(request, ContentQuery)
  const { messageBytesMax } = await parts.environments.settings(request.account.environment)
  const key = idempotencyKeyOf(request)
  const items = await checked(parts.schemas, readItems(parts, request, messageBytesMax))
  const good = items.flatMap((item, index) => ('event' in item ? { index, event: item.event } : []))
  parts.intake.admit(request.account.id, good.length, request.bytes.length)
  const answer = await acceptGood(parts.queue, good, key)
  if (answer.kind === 'account_gone') return null
  if (answer.kind === 'key_reused') throw keyReused()
  const isReplay = answer.kind === 'replayed'
  const messages = isReplay
    ? await readAccepted(parts, request, answer.events)
    : new Map(good.map(({ event }) => [event.id, storedOf(event)]))
  const accepted = new Map(answer.events.map((outcome) => [outcome.item, outcome]))
  const results = items.map((item, index) => {
    const outcome = accepted.get(index)
    const message = outcome && 'eventId' in outcome ? messages.get(outcome.eventId) : undefined
    if (message) return Buffer.concat([ITEM_OPEN, messageOut(message, withContent), CLOSE])
    if ('error' in item) return refused(item.error)
    return refused(eventIdTaken(outcome && 'takenBy' in outcome ? outcome.takenBy : undefined))
  })
  if (isReplay) reply.header('x-idempotent-replay', 'true')
  return Buffer.concat([Buffer.from('{"results":'), jsonArray(results), CLOSE])
}

/** A batch without a good item changes nothing, and the same body gets the same answer again without a key. */
async function acceptGood(
  queue: AcceptQueue,
  good: readonly { index: number; event: NewEvent }[],
  key: IdempotencyKey | null,
): Promise<AcceptAnswer> {
  if (good.length === 0) return { kind: 'accepted', events: [] }
  return await queue.accept({ events: good.map(({ event }) => event), key, items: good.map(({ index }) => index) })
}

async function checked(schemas: SchemaEnforcement, items: readonly Item[]): Promise<Item[]> {
  const misfits = await schemas.misfits(items.flatMap((item) => ('event' in item ? item.event : [])))
  let next = 0
  return items.map((item) => {
    if ('error' in item) return item
    const error = misfits[next]
    next += 1
    return error ? { error } : item
  })
}

const BATCH_LIMITS = {
  itemsOf: 'messages',
  depthMax: 66,
  keysMax: 100_000,
  longStrings: ['messages.transformationsParams.rawPayload'],
}
/** Beside `messages`, which is read item by item. One object: a schema is compiled once. */
const BatchFields = Type.Object({})
const ITEM_OPEN = Buffer.from('{"status":202,"message":')
const CLOSE = Buffer.from('}')

/** Each item is judged by itself, by the rules of a single message. */
function readItems(parts: MessageParts, request: FastifyRequest, messageBytesMax: number): Item[] {
  const { scanned, account } = request
  request.ignoredFields.push(...readBody(scanned, BatchFields, { raw: ['messages'] }).ignored)
  const { items } = scanned
  if (items.length === 0 || items.length > MESSAGES_PER_BATCH_MAX) {
    throw invalidInput({
      loc: ['body', 'messages'],
      msg: `must be a list of 1 to ${MESSAGES_PER_BATCH_MAX} messages`,
      type: 'value_error',
    })
  }
  const now = parts.clock.now()
  return items.map((range) => {
    try {
      refuseLarger(range.end - range.start, messageBytesMax)
      const bytes = bytesOf(scanned, range)
      return readMessage(scanJson(bytes, ITEM_LIMITS), account, now, parts.ids)
    } catch (error) {
      if (error instanceof DomainError) return { error }
      throw error
    }
  })
}

const ITEM_LIMITS = {
  depthMax: 64,
  keysMax: 10_000,
  keyBytesMax: 256,
  stringBytesMax: 65_536,
  longStrings: ['transformationsParams.rawPayload'],
  itemsOf: null,
}

async function readAccepted(parts: MessageParts, request: FastifyRequest, accepted: readonly Accepted[]) {
  const ids = accepted.flatMap((item) => ('eventId' in item ? item.eventId : []))
  return await parts.database.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
    readEvents(tx, request.account.id, ids),
  )
}

function refused(error: DomainError): Buffer {
  const problem = problemOf(error)
  return Buffer.from(JSON.stringify({ status: problem?.status ?? 500, error: problem ? managementBody(problem) : {} }))
}

function refuseLarger(bytes: number, bytesMax: number): void {
  if (bytes > bytesMax)
    throw new DomainError('payload_too_large', `A message must not be larger than ${bytesMax} bytes.`)
}

function keyReused(): DomainError {
  return new DomainError('idempotency_key_reuse', 'This Idempotency-Key was used with another body.')
}

function eventIdTaken(messageId: string | undefined): DomainError {
  return new DomainError(
    'conflict',
    'A message with this eventId exists.',
    messageId === undefined ? {} : { fields: { msgId: messageId } },
  )
}

async function sendJson(reply: FastifyReply, body: Buffer): Promise<FastifyReply> {
  return await reply.type('application/json').send(body)
}
