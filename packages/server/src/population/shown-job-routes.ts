import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Capability } from '#src/accounts/principal.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { csvLine } from '#src/adapters/http/csv.ts'
import { type Idempotency, settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { everyPage, type Page, pageParameters, parsePage, toPage } from '#src/adapters/http/pages.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import { uuidInPath } from '#src/adapters/http/routes.ts'
import { oneOf } from '#src/adapters/http/schema.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { DomainError, notFound } from '#src/domain-error.ts'
import { JOB_KEPT_DAYS, type Outcome, outcomes, processedOf } from './job.ts'
import { type ShownJob, shownState } from './shown-job.ts'
import { ShownItemPage, ShownJobOut, ShownJobPage } from './shown-job-schemas.ts'
import { isItemKey, listShownItems, listShownJobs, readShownJob, requestCancel } from './shown-job-store.ts'

export type ShownJobParts = {
  api: Database
  clock: Clock
  idempotency: Idempotency
  /** `PopulationRunner.wake`, where this process has one. */
  wakeRunner: () => void
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The change that `:jobId` names, as it was when the request came. */
    shownJob: ShownJob
  }
}

const NUMBER = /^[0-9]{1,15}$/

const JobsQuery = Type.Object(pageParameters)
const ItemsQuery = Type.Object({ ...pageParameters, outcome: Type.Optional(oneOf(outcomes)) })
const ExportQuery = Type.Object({ outcome: ItemsQuery.properties.outcome })
const EXPORT_ROWS = 1_000
const NoBody = Type.Object({}, { title: 'EmptyIn' })

/** Options of a route whose path names a job of the account by `:jobId`, and who may call it. */
export function findingJob({ api, clock }: Pick<ShownJobParts, 'api' | 'clock'>, access: Capability) {
  const find = async (request: FastifyRequest) => {
    const id = uuidInPath(request, 'jobId')
    const job = await api.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
      readShownJob(tx, request.account.id, id, oldest(clock)),
    )
    if (!job) throw notFound()
    request.shownJob = job
  }
  return { config: { access, find } } as const
}

/** What has changed the population and what is changing it, as people see it: portal 2, P3. */
export function registerShownJobRoutes(routes: FastifyInstance, parts: ShownJobParts): void {
  const { api, clock, idempotency, wakeRunner } = parts
  routes.decorateRequest('shownJob')

  const list = described(
    { config: { access: 'ViewBase' } },
    {
      id: 'v1.population-job.list',
      summary: 'List the changes of the population, newest first',
      query: JobsQuery,
      answers: { 200: ShownJobPage },
    },
  )
  routes.get('/app/:app_id/population/job', list, async (request) => {
    const page = parsePage(queryOf(request, JobsQuery), { isKey: (text) => NUMBER.test(text) })
    const jobs = await api.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
      listShownJobs(tx, request.account.id, page, oldest(clock)),
    )
    return toPage(page, jobs, shownJobOut, ({ number }) => String(number))
  })

  const get = described(findingJob(parts, 'ViewBase'), {
    id: 'v1.population-job.get',
    summary: 'Read a change of the population',
    description: 'By the id of any of the jobs that it consists of.',
    answers: { 200: ShownJobOut },
  })
  routes.get('/app/:app_id/population/job/:jobId', get, (request) => shownJobOut(request.shownJob))

  const items = described(findingJob(parts, 'ViewBase'), {
    id: 'v1.population-job.list-items',
    summary: 'List the outcomes of a change, NPN by NPN',
    query: ItemsQuery,
    answers: { 200: ShownItemPage },
  })
  routes.get('/app/:app_id/population/job/:jobId/item', items, async (request) => {
    const { outcome, ...query } = queryOf(request, ItemsQuery)
    const page = parsePage(query, { isKey: isItemKey, order: 'ascending' })
    const rows = await api.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
      listShownItems(tx, request.account.id, request.shownJob.id, page, outcome ?? null),
    )
    return toPage(
      page,
      rows,
      ({ npn, outcome, reason }) => ({ npn, outcome, reason }),
      ({ key }) => key,
    )
  })

  const exported = described(findingJob(parts, 'ViewBase'), {
    id: 'v1.population-job.export',
    summary: 'Export the outcomes of a change as CSV',
    description:
      'In the order of its list, beneath a head. A cell that a spreadsheet would take for a formula begins with an apostrophe.',
    query: ExportQuery,
    answerType: 'text/csv; charset=utf-8',
    answers: { 200: Type.String() },
  })
  routes.get('/app/:app_id/population/job/:jobId/csv', exported, async (request, reply) => {
    const { outcome = null } = queryOf(request, ExportQuery)
    return await reply
      .type('text/csv; charset=utf-8')
      .header('content-disposition', 'attachment; filename="population-change.csv"')
      .send(Readable.from(csvOf(api, request, outcome)))
  })

  const cancel = described(findingJob(parts, 'ManagePopulation'), {
    id: 'v1.population-job.cancel',
    summary: 'End a change; what it has done stays',
    description: '`POST …/opposite` previews what takes that back.',
    body: NoBody,
    answers: { 200: ShownJobOut },
    refusals: ['conflict'],
  })
  routes.post('/app/:app_id/population/job/:jobId/cancel', cancel, async (request, reply) => {
    bodyOf(request, NoBody)
    const { account, shownJob } = request
    return await idempotency.run(request, reply, async (tx) => {
      const isOpen = await requestCancel(tx, account.id, shownJob.id, clock.now())
      const job = await readShownJob(tx, account.id, shownJob.id, oldest(clock))
      if (!job) throw notFound()
      if (!isOpen && !job.cancelRequestedAt) throw new DomainError('conflict', 'The job has ended.')
      return { status: 200, answer: shownJobOut(job), committed: wakeRunner }
    })
  })
}

async function* csvOf(api: Database, request: FastifyRequest, outcome: Outcome | null): AsyncGenerator<string> {
  const { account, shownJob } = request
  const read = (page: Page) =>
    api.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
      listShownItems(tx, account.id, shownJob.id, page, outcome),
    )
  yield csvLine(['npn', 'outcome', 'reason'])
  for await (const items of everyPage(read, ({ key }) => key, { order: 'ascending', rows: EXPORT_ROWS })) {
    yield items.map(({ npn, outcome: one, reason }) => csvLine([npn, one, reason])).join('')
  }
}

function oldest(clock: Clock): Date {
  return addMs(clock.now(), -JOB_KEPT_DAYS * 86_400_000)
}

export function shownJobOut(job: ShownJob): object {
  const { added, already_active: alreadyActive, removed, not_active: notActive, invalid } = job.counts
  return {
    id: job.id,
    type: job.type,
    state: shownState(job),
    total: job.total,
    processed: processedOf(job.counts),
    counts: { added, alreadyActive, removed, notActive, invalid },
    message: job.message,
    parts: job.parts.map(({ id }) => id),
    createdAt: job.acceptedAt.toISOString(),
    startedAt: job.startedAt?.toISOString() ?? null,
    updatedAt: job.updatedAt.toISOString(),
    finishedAt: job.finishedAt?.toISOString() ?? null,
    cancelRequestedAt: job.cancelRequestedAt?.toISOString() ?? null,
    opposite: job.finishedAt && added + removed > 0 ? { add: removed, remove: added } : null,
  }
}
