import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { visibleTo } from '#src/accounts/principal.ts'
import { addMs } from '#src/adapters/clock.ts'
import { recording, type Said } from '#src/adapters/http/audit-note.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { parseMoment } from '#src/adapters/http/moment.ts'
import { described, type Operation } from '#src/adapters/http/operation.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import { UUID } from '#src/adapters/http/routes.ts'
import { momentText, oneOf } from '#src/adapters/http/schema.ts'
import { isId } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError, notFound } from '#src/domain-error.ts'
import {
  ClockOut,
  OperatorRunOut,
  OperatorRunsOut,
  RunAcceptedOut,
  RunAnnouncementsOut,
  RunErrorsOut,
  RunOut,
  RunsOut,
} from './answer-schemas.ts'
import { readFeed } from './feed-store.ts'
import { type LocalDate, parseLocalDate } from './local-date.ts'
import { RUN_SCENARIOS, RUN_STATES, type Run } from './run.ts'
import { announcementAnswer, operatorRunAnswer, ownRunAnswer, runAnswer, startedAnswer } from './run-answers.ts'
import { findRun, listAnnouncements, listErrors, listRuns, type RunFilter } from './run-list-store.ts'
import {
  type RequestParts,
  requestCancel,
  requestRelease,
  requestRun,
  requestSandboxRun,
  setSandboxClock,
} from './run-requests.ts'
import { parseAccountToken, parseNpnToken, parseRunToken, START, toRunToken } from './run-token.ts'

export type RunRouteParts = RequestParts & {
  api: Database
  /** Without a slash at its end. */
  publicUrl: string
  /** Called after something was asked of a feed: `FeedRunner.wake`, where this process has one. */
  wakeRunner: () => void
}

const read = { config: { access: 'producersync.read' } } as const
const write = { config: { access: 'producersync.write' } } as const
const operate = { config: { access: 'producersync.operate' } } as const

const SIZE_DEFAULT = 250
/** Of a run's errors, those that stand in its own answer. */
const ERRORS_SHOWN = 100

const date = () => Type.String({ format: 'date' })
const pageQuery = {
  size: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
  continuationToken: Type.Optional(Type.String({ maxLength: 64 })),
}
const runsQuery = Type.Object(pageQuery)
const adminRunsQuery = Type.Object({
  ...pageQuery,
  feedId: Type.Optional(Type.String({ maxLength: 64 })),
  state: Type.Optional(oneOf(RUN_STATES)),
  from: Type.Optional(date()),
  to: Type.Optional(date()),
})
const announcementsQuery = Type.Object({ ...pageQuery, waiting: Type.Optional(Type.Boolean()) })
const noQuery = Type.Object({})
const sandboxRunBody = Type.Object({ runDate: Type.Optional(date()), scenario: Type.Optional(oneOf(RUN_SCENARIOS)) })
const clockBody = Type.Object({ now: momentText() })
const adminRunBody = Type.Object({
  feedId: Type.String({ maxLength: 64 }),
  runDate: Type.Optional(date()),
  fullRefresh: Type.Optional(Type.Boolean()),
})

const runPath = { id: Type.String({ format: 'uuid' }) }
const decided = {
  path: runPath,
  query: noQuery,
  answers: { 202: RunAcceptedOut },
  refusals: ['not_found', 'conflict'],
} as const

const OPERATIONS = {
  sandboxRun: {
    id: 'v1.sandbox.run',
    summary: 'Play a business day now',
    query: noQuery,
    body: sandboxRunBody,
    answers: { 202: RunAcceptedOut },
    refusals: ['conflict'],
  },
  readClock: { id: 'v1.sandbox.clock', summary: 'Read the clock', query: noQuery, answers: { 200: ClockOut } },
  setClock: {
    id: 'v1.sandbox.set-clock',
    summary: 'Set the clock forward',
    query: noQuery,
    body: clockBody,
    answers: { 200: ClockOut },
  },
  list: { id: 'v1.runs.list', summary: 'List the daily runs', query: runsQuery, answers: { 200: RunsOut } },
  get: {
    id: 'v1.runs.get',
    summary: 'Read a daily run',
    path: runPath,
    query: noQuery,
    answers: { 200: RunOut },
    refusals: ['not_found'],
  },
  adminList: {
    id: 'v1.admin-runs.list',
    summary: 'List the runs of all feeds',
    query: adminRunsQuery,
    answers: { 200: OperatorRunsOut },
  },
  adminGet: {
    id: 'v1.admin-runs.get',
    summary: 'Read a run, whole',
    path: runPath,
    query: noQuery,
    answers: { 200: OperatorRunOut },
    refusals: ['not_found'],
  },
  adminErrors: {
    id: 'v1.admin-runs.errors',
    summary: 'List what a run has put off',
    path: runPath,
    query: runsQuery,
    answers: { 200: RunErrorsOut },
    refusals: ['not_found'],
  },
  adminAnnouncements: {
    id: 'v1.admin-runs.announcements',
    summary: 'List the accounts that were told of a run',
    path: runPath,
    query: announcementsQuery,
    answers: { 200: RunAnnouncementsOut },
    refusals: ['not_found'],
  },
  adminStart: {
    id: 'v1.admin-runs.start',
    summary: 'Start a run',
    query: noQuery,
    body: adminRunBody,
    answers: { 202: RunAcceptedOut },
    refusals: ['not_found', 'conflict'],
  },
  release: { id: 'v1.admin-runs.release', summary: 'Let a held run publish', ...decided },
  cancel: { id: 'v1.admin-runs.cancel', summary: 'End a run that does not publish yet', ...decided },
} as const satisfies Record<string, Operation>

/** Runs, and the clock of a sandbox. Source: producersync-api 13. */
export function registerRunRoutes(routes: FastifyInstance, parts: RunRouteParts): void {
  const { api, clock, publicUrl } = parts

  /** The parts with which a request changes something. @param said  of the result, for the audit */
  function writing(request: FastifyRequest, said: (result: unknown) => Said): RequestParts {
    return { ...parts, updates: recording(parts.updates, request, said) }
  }

  routes.post('/v1/sandbox/runs', described(write, OPERATIONS.sandboxRun), async (request, reply) => {
    queryOf(request, noQuery)
    const feedId = sandboxFeedOf(request)
    const { runDate, scenario } = bodyOf(request, sandboxRunBody)
    const asked = writing(request, (id) => ({ target: runOf(id), after: { runDate, scenario } }))
    const runId = await requestSandboxRun(asked, feedId, { runDate: dayOf(runDate), scenario })
    parts.wakeRunner()
    return reply.code(202).send(startedAnswer(publicUrl, runId))
  })

  routes.get('/v1/sandbox/clock', described(read, OPERATIONS.readClock), async (request) => {
    queryOf(request, noQuery)
    const feedId = sandboxFeedOf(request)
    const feed = await atOnce(api, request, (tx) => readFeed(tx, feedId))
    if (!feed) throw notFound()
    return { now: addMs(clock.now(), feed.clockAheadMs).toISOString() }
  })

  routes.put('/v1/sandbox/clock', described(write, OPERATIONS.setClock), async (request) => {
    queryOf(request, noQuery)
    const feedId = sandboxFeedOf(request)
    const to = parseMoment(bodyOf(request, clockBody).now)
    if (!to) throw new DomainError('unreadable_query', 'now: must be a time (RFC 3339 with an offset)')
    const now = await setSandboxClock(
      writing(request, () => ({ after: { now: to } })),
      feedId,
      to,
    )
    parts.wakeRunner()
    return { now: now.toISOString() }
  })

  routes.get('/v1/runs', described(read, OPERATIONS.list), async (request) => {
    const { size = SIZE_DEFAULT, continuationToken } = queryOf(request, runsQuery)
    const after = parseRunToken(continuationToken)
    return await atOnce(api, request, async (tx) => {
      const runs = await listRuns(tx, {}, { after, limit: size })
      const answers = await Promise.all(runs.map((run) => answerFor(tx, request, run)))
      return runList(`${publicUrl}/v1/runs`, answers, runs, { size, continuationToken })
    })
  })

  routes.get<{ Params: { id: string } }>('/v1/runs/:id', described(read, OPERATIONS.get), async (request) => {
    queryOf(request, noQuery)
    const id = runIdOf(request)
    return await atOnce(api, request, async (tx) => await answerFor(tx, request, await existing(tx, id)))
  })

  routes.get('/v1/admin/runs', described(operate, OPERATIONS.adminList), async (request) => {
    const { size = SIZE_DEFAULT, continuationToken, ...query } = queryOf(request, adminRunsQuery)
    const filter: RunFilter = { ...query, from: dayOf(query.from), to: dayOf(query.to) }
    const after = parseRunToken(continuationToken)
    const runs = await asOperator(api, request, (tx) => listRuns(tx, filter, { after, limit: size }))
    const answers = runs.map((run) => operatorRunAnswer(run, []))
    return runList(`${publicUrl}/v1/admin/runs`, answers, runs, { ...query, size, continuationToken })
  })

  routes.get<{ Params: { id: string } }>(
    '/v1/admin/runs/:id',
    described(operate, OPERATIONS.adminGet),
    async (request) => {
      queryOf(request, noQuery)
      const id = runIdOf(request)
      return await asOperator(api, request, async (tx) => {
        const run = await existing(tx, id)
        return operatorRunAnswer(run, await listErrors(tx, id, { after: undefined, limit: ERRORS_SHOWN }))
      })
    },
  )

  routes.get<{ Params: { id: string } }>(
    '/v1/admin/runs/:id/errors',
    described(operate, OPERATIONS.adminErrors),
    async (request) => {
      const { size = SIZE_DEFAULT, continuationToken } = queryOf(request, runsQuery)
      const id = runIdOf(request)
      const after = parseNpnToken(continuationToken)
      const errors = await asOperator(api, request, async (tx) => {
        await existing(tx, id)
        return await listErrors(tx, id, { after, limit: size })
      })
      const next = errors.at(-1)?.npn ?? START
      return toList('errors', `${publicUrl}/v1/admin/runs/${id}/errors`, errors, { size, continuationToken }, next)
    },
  )

  routes.get<{ Params: { id: string } }>(
    '/v1/admin/runs/:id/announcements',
    described(operate, OPERATIONS.adminAnnouncements),
    async (request) => {
      const { size = SIZE_DEFAULT, continuationToken, waiting } = queryOf(request, announcementsQuery)
      const id = runIdOf(request)
      const after = parseAccountToken(continuationToken)
      await asOperator(api, request, (tx) => existing(tx, id))
      const announcements = await parts.updates.transaction({ readOnly: true }, (tx) =>
        listAnnouncements(tx, id, { isWaiting: waiting }, { after, limit: size }),
      )
      const next = announcements.at(-1)?.accountId ?? START
      const url = `${publicUrl}/v1/admin/runs/${id}/announcements`
      const query = { waiting: waiting?.toString(), size, continuationToken }
      return toList('announcements', url, announcements.map(announcementAnswer), query, next)
    },
  )

  routes.post('/v1/admin/runs', described(operate, OPERATIONS.adminStart), async (request, reply) => {
    queryOf(request, noQuery)
    const { feedId, runDate, fullRefresh = false } = bodyOf(request, adminRunBody)
    if (!(await asOperator(api, request, (tx) => readFeed(tx, feedId)))) throw notFound()
    const asked = writing(request, (id) => ({
      ...ofFeed(feedId),
      target: runOf(id),
      after: { feedId, runDate, fullRefresh },
    }))
    const runId = await requestRun(asked, { feedId, runDate: dayOf(runDate), fullRefresh })
    request.log.info({ event: 'run.requested', runId, feedId, tokenId: request.principal.tokenId })
    parts.wakeRunner()
    const self = { href: `${publicUrl}/v1/admin/runs/${runId}` }
    return reply.code(202).send({ success: true, message: 'Run is in progress', run_id: runId, links: { self } })
  })

  const decide = (what: 'release' | 'cancel', apply: typeof requestRelease) => {
    routes.post<{ Params: { id: string } }>(
      `/v1/admin/runs/:id/${what}`,
      described(operate, OPERATIONS[what]),
      async (request, reply) => {
        queryOf(request, noQuery)
        const id = runIdOf(request)
        const run = await asOperator(api, request, (tx) => existing(tx, id))
        const before = { state: run.state, feedId: run.feedId, runDate: run.runDate }
        await apply(
          writing(request, () => ({
            ...ofFeed(run.feedId),
            target: runOf(id),
            before,
            after: { ...before, state: MEANT[what] },
          })),
          run,
        )
        request.log.info({ event: `run.${what}_requested`, runId: id, tokenId: request.principal.tokenId })
        parts.wakeRunner()
        const self = { href: `${publicUrl}/v1/admin/runs/${id}` }
        return reply
          .code(202)
          .send({ success: true, message: `The run is ${MEANT[what]}`, run_id: id, links: { self } })
      },
    )
  }
  decide('release', requestRelease)
  decide('cancel', requestCancel)
}

/** The feed of a sandbox is its account's. */
function ofFeed(feedId: string): Pick<Said, 'accountId'> {
  return isId(feedId, 'app_') ? { accountId: feedId } : {}
}

/** @param id  what the request for a run has given */
function runOf(id: unknown): { kind: string; id: string } {
  return { kind: 'run', id: String(id) }
}

const MEANT = { release: 'released', cancel: 'cancelled' } as const

/** @throws DomainError forbidden in production */
function sandboxFeedOf({ account }: FastifyRequest): string {
  if (account.environment !== 'sandbox') throw new DomainError('forbidden', 'This is for the sandbox alone.')
  return account.id
}

/** One consistent view of what the account may see. */
async function atOnce<T>(api: Database, request: FastifyRequest, work: (tx: Queryable) => Promise<T>): Promise<T> {
  const settings = visibleTo(request.account.environment, request.account.id)
  return await api.transaction({ settings, isolation: 'repeatable read', readOnly: true }, work)
}

/** One consistent view of all feeds of the operator's environment. */
async function asOperator<T>(api: Database, request: FastifyRequest, work: (tx: Queryable) => Promise<T>): Promise<T> {
  const settings = visibleTo(request.principal.environment)
  return await api.transaction({ settings, isolation: 'repeatable read', readOnly: true }, work)
}

async function answerFor(tx: Queryable, request: FastifyRequest, run: Run): Promise<object> {
  if (request.account.environment !== 'sandbox') return runAnswer(run)
  return ownRunAnswer(run, await listErrors(tx, run.id, { after: undefined, limit: ERRORS_SHOWN }))
}

/** @throws DomainError not_found: unknown, or of a feed that is not the caller's */
async function existing(tx: Queryable, id: string): Promise<Run> {
  const run = await findRun(tx, id)
  if (!run) throw notFound()
  return run
}

function runIdOf({ params }: FastifyRequest<{ Params: { id: string } }>): string {
  if (!UUID.test(params.id)) throw new DomainError('unreadable_query', 'id: must be a UUID')
  return params.id.toLowerCase()
}

/** A date that the schema has let pass. */
function dayOf(text: string | undefined): LocalDate | undefined {
  return text === undefined ? undefined : parseLocalDate(text)
}

type ListQuery = Record<string, string | number | undefined> & { continuationToken?: string }

function runList(url: string, answers: readonly object[], runs: readonly Run[], query: ListQuery): object {
  const last = runs.at(-1)
  return toList('runs', url, answers, query, last ? toRunToken(last) : START)
}

/** A page as in producersync-api 4: behind the last record comes one without `embedded`. */
function toList(name: string, url: string, rows: readonly object[], query: ListQuery, next: string): object {
  const hrefOf = (token: string) => {
    const pairs = new URLSearchParams()
    for (const [key, value] of Object.entries({ ...query, continuationToken: token })) {
      if (value !== undefined) pairs.append(key, String(value))
    }
    return `${url}?${pairs.toString()}`
  }
  const links = { self: { href: hrefOf(query.continuationToken ?? START) }, next: { href: hrefOf(next) } }
  return rows.length > 0 ? { embedded: { [name]: rows }, links } : { links }
}
