import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { visibleTo } from '#src/accounts/principal.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { recorded } from '#src/adapters/http/audit-note.ts'
import { bodyOf, jsonOf } from '#src/adapters/http/body.ts'
import { described } from '#src/adapters/http/operation.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import { UUID } from '#src/adapters/http/routes.ts'
import { oneOf, patternText } from '#src/adapters/http/schema.ts'
import { BODY_BYTES_MAX } from '#src/adapters/http/server.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError, notFound } from '#src/domain-error.ts'
import { acceptJob } from './accept-job.ts'
import { JobAcceptedOut, JobDetailsOut, JobOut, SettingsOut, SubscriptionsOut } from './answer-schemas.ts'
import { acceptedAnswer, jobAnswer, jobUrl, subscriptionAnswer, subscriptionsUrl } from './answers.ts'
import { ELEMENTS_MAX, JOB_KEPT_DAYS, type Job, type JobType, outcomes, parseJobRequest } from './job.ts'
import { readItems, readJob } from './job-store.ts'
import { NPN, parseNpn } from './npn.ts'
import { dataStatuses, readAutoSubscribe, readCounts, readSubscriptions, writeAutoSubscribe } from './store.ts'
import { toV1List } from './v1-list.ts'

export type PopulationParts = {
  api: Database
  clock: Clock
  /** Without a slash at its end. */
  publicUrl: string
  /** Called after a job has been accepted: `PopulationRunner.wake`, where this process has one. */
  wakeRunner: () => void
}

const read = { config: { access: 'producersync.read' } } as const
const write = { config: { access: 'producersync.write' } } as const

const SIZE_DEFAULT = 250

const pageQuery = {
  page: Type.Optional(Type.Integer({ minimum: 0, maximum: 999_999_999 })),
  size: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
}
const subscriptionsQuery = Type.Object({
  ...pageQuery,
  after: Type.Optional(patternText(NPN, 'an NPN')),
  dataStatus: Type.Optional(oneOf(dataStatuses)),
})
const detailsQuery = Type.Object({ ...pageQuery, outcome: Type.Optional(oneOf(outcomes)) })
const replaceQuery = Type.Object({ confirmEmpty: Type.Optional(Type.Boolean()) })
const noQuery = Type.Object({})
const settingsBody = Type.Object({ autoSubscribe: Type.Optional(Type.Boolean()) }, { title: 'SettingsPatch' })
const npnsBody = Type.Array(
  Type.String({ description: 'An NPN. What is none is taken, and its outcome is `invalid`.' }),
  {
    minItems: 1,
    maxItems: ELEMENTS_MAX,
  },
)
const replaceBody = { ...npnsBody, minItems: 0 }
const jobPath = { jobId: Type.String({ format: 'uuid' }) }

/** Operations 1 to 6 of producersync-api 5, and the account's settings. */
export function registerPopulationRoutes(routes: FastifyInstance, parts: PopulationParts): void {
  const { api, clock, publicUrl } = parts
  const listUrl = subscriptionsUrl(publicUrl)

  const listSubscriptions = described(read, {
    id: 'v1.subscriptions.list',
    summary: 'List the monitored NPNs',
    query: subscriptionsQuery,
    answers: { 200: SubscriptionsOut },
  })
  routes.get('/v1/accounts/subscriptions', listSubscriptions, async (request) => {
    const { page = 0, size = SIZE_DEFAULT, after, dataStatus } = queryOf(request, subscriptionsQuery)
    const from = after === undefined ? undefined : parseNpn(after)
    const wanted = { dataStatus, after: from, offset: page * size, limit: size + 1 }
    const { found, counts } = await readAtOnce(api, request, async (tx) => ({
      found: await readSubscriptions(tx, request.account.id, wanted),
      counts: await readCounts(tx, request.account.id),
    }))
    const rows = found.slice(0, size)
    const list = {
      name: 'subscriptions',
      rows: rows.map((row) => subscriptionAnswer(publicUrl, row)),
      total: dataStatus ? counts[dataStatus] : counts.loading + counts.ready + counts.not_found,
      hasMore: found.length > size,
      url: listUrl,
      filters: { dataStatus },
      after: { given: after, next: rows.at(-1)?.npn },
    }
    return toV1List(list, { page, size })
  })

  const accept = async (request: FastifyRequest, type: JobType, confirmEmpty = false) => {
    const job = parseJobRequest(type, jsonOf(request), confirmEmpty)
    const { id: accountId, environment } = request.account
    const written = async (tx: Queryable, id: string) => {
      request.audit.say({ target: { kind: 'job', id }, after: { type, requested: job.requested } })
      await request.audit.write(tx)
    }
    const jobId = await acceptJob({ api, clock }, { accountId, environment }, job, written)
    parts.wakeRunner()
    return acceptedAnswer(publicUrl, jobId)
  }
  const taking = { ...write, bodyLimit: BODY_BYTES_MAX.population }

  const replace = described(taking, {
    id: 'v1.subscriptions.replace',
    summary: 'Replace the monitored NPNs',
    query: replaceQuery,
    body: replaceBody,
    answers: { 200: JobAcceptedOut },
  })
  routes.post('/v1/accounts/subscriptions', replace, async (request) => {
    return await accept(request, 'replace', queryOf(request, replaceQuery).confirmEmpty)
  })

  const add = described(taking, {
    id: 'v1.subscriptions.add',
    summary: 'Monitor further NPNs',
    query: noQuery,
    body: npnsBody,
    answers: { 200: JobAcceptedOut },
  })
  routes.put('/v1/accounts/subscriptions', add, async (request) => {
    queryOf(request, noQuery)
    return await accept(request, 'add')
  })

  const remove = described(taking, {
    id: 'v1.subscriptions.remove',
    summary: 'Monitor some NPNs no longer',
    query: noQuery,
    body: npnsBody,
    answers: { 202: JobAcceptedOut },
  })
  routes.delete('/v1/accounts/subscriptions', remove, async (request, reply) => {
    queryOf(request, noQuery)
    return reply.code(202).send(await accept(request, 'remove'))
  })

  const status = described(read, {
    id: 'v1.subscriptions.get-job',
    summary: 'Read a job',
    path: jobPath,
    query: noQuery,
    answers: { 200: JobOut },
    refusals: ['not_found'],
  })
  routes.get<{ Params: { jobId: string } }>('/v1/accounts/subscriptions/status/:jobId', status, async (request) => {
    const jobId = parseJobId(request.params.jobId)
    queryOf(request, noQuery)
    const job = await readAtOnce(api, request, (tx) => jobOf(tx, request.account.id, jobId, clock.now()))
    return jobAnswer(publicUrl, job)
  })

  routes.get<{ Params: { jobId: string } }>(
    '/v1/accounts/subscriptions/status/:jobId/details',
    described(read, {
      id: 'v1.subscriptions.list-job-items',
      summary: 'List the outcomes of a job, NPN by NPN',
      path: jobPath,
      query: detailsQuery,
      answers: { 200: JobDetailsOut },
      refusals: ['not_found'],
    }),
    async (request) => {
      const jobId = parseJobId(request.params.jobId)
      const { page = 0, size = SIZE_DEFAULT, outcome } = queryOf(request, detailsQuery)
      const { job, rows } = await readAtOnce(api, request, async (tx) => ({
        job: await jobOf(tx, request.account.id, jobId, clock.now()),
        rows: await readItems(tx, request.account.id, jobId, {
          outcome,
          offset: page * size,
          limit: size,
        }),
      }))
      const total = outcome ? job.counts[outcome] : job.distinct + job.leaving
      const list = {
        name: 'details',
        rows,
        total,
        hasMore: (page + 1) * size < total,
        url: `${jobUrl(publicUrl, job.id)}/details`,
        filters: { outcome },
      }
      return toV1List(list, { page, size })
    },
  )

  const getSettings = described(read, {
    id: 'v1.settings.get',
    summary: 'Read the settings of the account',
    query: noQuery,
    answers: { 200: SettingsOut },
    refusals: ['not_found'],
  })
  routes.get('/v1/accounts/settings', getSettings, async (request) => {
    queryOf(request, noQuery)
    const autoSubscribe = await readAtOnce(api, request, (tx) => readAutoSubscribe(tx, request.account.id))
    if (autoSubscribe === undefined) throw notFound()
    return { autoSubscribe }
  })

  const patchSettings = described(write, {
    id: 'v1.settings.patch',
    summary: 'Change the settings of the account',
    query: noQuery,
    body: settingsBody,
    answers: { 200: SettingsOut },
    refusals: ['not_found'],
  })
  routes.patch('/v1/accounts/settings', patchSettings, async (request) => {
    queryOf(request, noQuery)
    const change = bodyOf(request, settingsBody)
    const { id } = request.account
    return await recorded(api, request, async (tx) => {
      const before = await readAutoSubscribe(tx, id)
      const autoSubscribe =
        change.autoSubscribe === undefined
          ? before
          : await writeAutoSubscribe(tx, id, change.autoSubscribe, clock.now())
      if (autoSubscribe === undefined) throw notFound()
      request.audit.say({ target: { kind: 'app', id }, before: { autoSubscribe: before }, after: { autoSubscribe } })
      return { autoSubscribe }
    })
  })
}

/** Runs `work` on one consistent view of what the account may see. */
async function readAtOnce<T>(api: Database, request: FastifyRequest, work: (tx: Queryable) => Promise<T>): Promise<T> {
  const { id, environment } = request.account
  return await api.transaction(
    { settings: visibleTo(environment, id), isolation: 'repeatable read', readOnly: true },
    work,
  )
}

/** @throws DomainError not_found: unknown, of another account, or past its time */
async function jobOf(tx: Queryable, accountId: string, jobId: string, now: Date): Promise<Job> {
  const job = await readJob(tx, accountId, jobId, addMs(now, -JOB_KEPT_DAYS * 86_400_000))
  if (!job) throw notFound()
  return job
}

function parseJobId(text: string): string {
  if (!UUID.test(text)) throw new DomainError('unreadable_query', 'jobId: must be a UUID')
  return text.toLowerCase()
}
