import { createSigner } from '@producersync/webhooks/node'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Access } from '#src/accounts/access.ts'
import type { DataKeys } from '#src/accounts/encryption.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { answerHeadOfStream, lastEventIdOf } from '#src/adapters/http/event-stream.ts'
import { type Idempotency, settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { pageParameters, parsePage, toPage } from '#src/adapters/http/pages.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import { pathValue } from '#src/adapters/http/routes.ts'
import { memberOf } from '#src/adapters/http/scan.ts'
import { type IdSource, isId } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { findEndpoint } from '#src/attempts/addressed.ts'
import { DomainError, invalidInput, notFound } from '#src/domain-error.ts'
import { sendExample } from '#src/endpoints/example.ts'
import { openSecret, sealSecret } from '#src/endpoints/sealed.ts'
import { MessageOut } from '#src/events/answer-schemas.ts'
import { sightOf } from '#src/events/event-type-store.ts'
import { MESSAGE_ID_PREFIX, objectBytes } from '#src/events/message.ts'
import { messageOut, storedOf } from '#src/events/message-out.ts'
import type { OpenStreams } from '#src/live/open-streams.ts'
import { isStillAllowed } from '#src/live/still-allowed.ts'
import { watchAccount } from '#src/live/store.ts'
import {
  CliResultIn,
  CliResultPage,
  CliSessionCreatedOut,
  CliSessionIn,
  CliSessionOut,
  CliSessionPage,
  CliTestEventIn,
  cliStreamMessages,
} from './answer-schemas.ts'
import {
  CLI_SESSION_ID_PREFIX,
  type CliResult,
  type CliSession,
  CONNECTED_MS,
  SESSIONS_MAX,
  SILENT_MS_MAX,
} from './cli-session.ts'
import { cliPositionOf, cliStream } from './cli-stream.ts'
import { secretOfDevice } from './session-secret.ts'
import {
  addResult,
  addSession,
  countSessions,
  endCliSession,
  listResults,
  listSessions,
  readNewestResults,
  readSession,
  touchSession,
} from './store.ts'

export type CliSessionParts = {
  api: Database
  access: Access
  clock: Clock
  ids: IdSource
  dataKeys: DataKeys
  idempotency: Idempotency
  streams: OpenStreams
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Named by `:cli_session_id`; set by routes that need one. */
    cliSession: CliSession
  }
}

const ListQuery = Type.Object(pageParameters)

/** Listeners at developers' desks. Source: cli-receiver-docs 1.4. */
export function registerCliSessionRoutes(routes: FastifyInstance, parts: CliSessionParts): void {
  const { api, access, clock, ids, dataKeys, idempotency, streams } = parts
  const path = '/app/:app_id/cli-session'
  routes.decorateRequest('cliSession')

  async function within<T>(request: FastifyRequest, work: (tx: Queryable) => Promise<T>): Promise<T> {
    return await api.transaction({ settings: settingsOf(request) }, work)
  }

  const named = {
    config: {
      access: 'CreateAttempts',
      find: async (request: FastifyRequest) => {
        const id = pathValue(request, 'cli_session_id') ?? ''
        if (!isId(id, CLI_SESSION_ID_PREFIX)) throw notFound()
        const session = await within(request, (tx) => readSession(tx, request.account.id, id, clock.now()))
        if (!session) throw notFound()
        request.cliSession = session
      },
    },
  } as const
  const unnamed = { config: { access: 'CreateAttempts' } } as const

  const create = described(unnamed, {
    id: 'v1.cli-session.create',
    summary: "Begin to listen to the account's events",
    description: 'A repeated request makes another session: the answer holds a secret and is not kept.',
    body: CliSessionIn,
    answers: { 201: CliSessionCreatedOut },
    refusals: ['limit_reached'],
  })
  routes.post(path, create, async (request, reply) => {
    const wish = bodyOf(request, CliSessionIn)
    const { account } = request
    await watchAccount(api, account)
    const now = clock.now()
    const id = `${CLI_SESSION_ID_PREFIX}${ids.next(now).ksuid}`
    const secret = await within(request, async (tx) => {
      if ((await countSessions(tx, account.id, now)) >= SESSIONS_MAX)
        throw new DomainError('limit_reached', `An account has at most ${SESSIONS_MAX} sessions.`)
      const endpointId = wish.endpointId ? await endpointIdOf(tx, account.id, wish.endpointId) : null
      const key = await dataKeys.read(tx, account.id)
      const own = secretOfDevice(key, wish.device)
      await addSession(
        tx,
        {
          ...{ id, accountId: account.id, environment: account.environment, endpointId },
          secret: sealSecret(key, { accountId: account.id, id }, own),
          eventTypes: wish.eventTypes ?? null,
          forwardTo: wish.forwardTo ?? null,
          latest: wish.latest ?? 0,
        },
        now,
      )
      return own
    })
    return await reply.code(201).send({ id, secret, expiresAt: addMs(now, SILENT_MS_MAX) })
  })

  const list = described(unnamed, {
    id: 'v1.cli-session.list',
    summary: 'List sessions that somebody listens to, or may come back to',
    query: ListQuery,
    answers: { 200: CliSessionPage },
  })
  routes.get(path, list, async (request) => {
    const page = parsePage(queryOf(request, ListQuery), { isKey: (text) => isId(text, CLI_SESSION_ID_PREFIX) })
    const accountId = request.account.id
    const { sessions, results } = await within(request, async (tx) => {
      const found = await listSessions(tx, accountId, page, clock.now())
      return {
        sessions: found,
        results: await readNewestResults(
          tx,
          accountId,
          found.map(({ id }) => id),
        ),
      }
    })
    const toOut = (session: CliSession) => sessionOut(session, results.get(session.id) ?? [], clock.now())
    return toPage(page, sessions, toOut, ({ id }) => id)
  })

  const get = described(named, {
    id: 'v1.cli-session.get',
    summary: 'Read a session',
    answers: { 200: CliSessionOut },
  })
  routes.get(`${path}/:cli_session_id`, get, async (request) => {
    const { cliSession: session } = request
    const results = await within(request, (tx) => readNewestResults(tx, session.accountId, [session.id]))
    return sessionOut(session, results.get(session.id) ?? [], clock.now())
  })

  const end = described(named, { id: 'v1.cli-session.delete', summary: 'End a session', answers: { 204: null } })
  routes.delete(`${path}/:cli_session_id`, end, async (request, reply) => {
    await within(request, (tx) => endCliSession(tx, request.cliSession, clock.now()))
    return await reply.code(204).send()
  })

  const listen = described(named, {
    id: 'v1.cli-session.stream',
    summary: 'Get the events of a session',
    description:
      'Server-sent events: what is accepted, in the order in which it was committed, each event once. Come back with `Last-Event-ID` ' +
      'within five minutes and the next one follows; after that `gap` says that some are not known any more.',
    answers: { 200: null },
    stream: cliStreamMessages,
  })
  routes.get(`${path}/:cli_session_id/stream`, listen, async (request, reply) => {
    const { account, cliSession: session } = request
    if (request.method === 'HEAD') return answerHeadOfStream(reply)
    const opened = await streams.open(account.id, async (stream) => {
      await watchAccount(api, account)
      await touchSession(api, session, clock.now())
      const key = await within(request, (tx) => dataKeys.read(tx, account.id))
      const signer = createSigner([openSecret(key, session, session.secret)])
      const from = cliPositionOf(session, lastEventIdOf(request))
      stream.send({ event: 'ready', data: { sessionId: session.id, at: clock.now() } })
      return {
        step: cliStream({ api, clock, session, signer, stream, from }),
        isAllowed: async () =>
          (await isStillAllowed(access, request)) && (await touchSession(api, session, clock.now())),
      }
    })
    return opened.answer(reply)
  })

  const report = described(named, {
    id: 'v1.cli-session.result.create',
    summary: 'Say what the local server answered',
    body: CliResultIn,
    answers: { 204: null },
  })
  routes.post(`${path}/:cli_session_id/result`, report, async (request, reply) => {
    const { eventId, responseStatusCode: statusCode, durationMs, failureClass = null } = bodyOf(request, CliResultIn)
    const result = { eventId: eventId.replace(/^evt_/, MESSAGE_ID_PREFIX), statusCode, durationMs, failureClass }
    return await idempotency.run(request, reply, async (tx) => {
      if (!(await addResult(tx, request.cliSession, { ...result, at: clock.now() })))
        throw invalidInput({ loc: ['body', 'eventId'], msg: 'names no event of this account', type: 'value_error' })
      return { status: 204 }
    })
  })

  const listOfResults = described(named, {
    id: 'v1.cli-session.result.list',
    summary: 'List what the local server answered',
    query: ListQuery,
    answers: { 200: CliResultPage },
  })
  routes.get(`${path}/:cli_session_id/result`, listOfResults, async (request) => {
    const page = parsePage(queryOf(request, ListQuery), { isKey: (text) => isId(text, MESSAGE_ID_PREFIX) })
    const results = await within(request, (tx) => listResults(tx, request.cliSession, page))
    return toPage(page, results, resultOut, ({ eventId }) => eventId)
  })

  const test = described(named, {
    id: 'v1.cli-session.test-event',
    summary: 'Send an example of an event type to a session',
    body: CliTestEventIn,
    answers: { 202: MessageOut },
    refusals: ['no_example'],
  })
  routes.post(`${path}/:cli_session_id/test-event`, test, async (request, reply) => {
    const { eventType: type } = bodyOf(request, CliTestEventIn, { raw: ['payload'] })
    const member = memberOf(request.scanned, 'payload')
    const payload = member && objectBytes(request.scanned, member)
    const sight = sightOf(request.principal)
    return await idempotency.run(request, reply, async (tx) => {
      const { event } = await sendExample(tx, request.cliSession, { type, index: 0, sight, payload }, { clock, ids })
      return { status: 202, answer: messageOut(storedOf(event), true) }
    })
  })
}

async function endpointIdOf(tx: Queryable, accountId: string, name: string): Promise<string> {
  try {
    return (await findEndpoint(tx, accountId, name)).id
  } catch (error) {
    if (!(error instanceof DomainError && error.code === 'not_found')) throw error
    throw invalidInput({ loc: ['body', 'endpointId'], msg: 'names no endpoint of this account', type: 'value_error' })
  }
}

function sessionOut(session: CliSession, results: readonly CliResult[], now: Date) {
  const { id, eventTypes, endpointId, forwardTo, createdAt, seenAt } = session
  return {
    ...{ id, connected: seenAt > addMs(now, -CONNECTED_MS), eventTypes, endpointId, forwardTo, createdAt },
    lastSeenAt: seenAt,
    expiresAt: addMs(seenAt, SILENT_MS_MAX),
    results: results.map(resultOut),
  }
}

function resultOut({ eventId, eventType, statusCode, durationMs, failureClass, at }: CliResult) {
  return { msgId: eventId, eventType, responseStatusCode: statusCode, durationMs, failureClass, at }
}
