import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Capability } from '#src/accounts/principal.ts'
import type { Clock } from '#src/adapters/clock.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { pageParameters, parsePage, toPage } from '#src/adapters/http/pages.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import { tooLarge, uuidInPath } from '#src/adapters/http/routes.ts'
import { oneOf } from '#src/adapters/http/schema.ts'
import { BODY_BYTES_MAX } from '#src/adapters/http/server.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError, invalidInput, notFound } from '#src/domain-error.ts'
import { findingJob, shownJobOut } from '#src/population/shown-job-routes.ts'
import { ShownJobOut } from '#src/population/shown-job-schemas.ts'
import { readShownJob } from '#src/population/shown-job-store.ts'
import { Turns } from '#src/producers/turns.ts'
import { ChangeBody, PreviewOut, PreviewRowPage } from './answer-schemas.ts'
import { CSV_HEAD, previewCsv, previewOut, previewRowOut } from './answers.ts'
import { applyPreview } from './apply.ts'
import { collect } from './collect.ts'
import { type Draft, makePreview } from './make.ts'
import { PREVIEW_MODES, PREVIEW_PARTS, type PreviewPart } from './preview.ts'
import { type ReadList, readFile, readJson } from './read-list.ts'
import {
  countWanting,
  dropOldPreviews,
  type Preview,
  readOpposite,
  readPreview,
  readPreviewRows,
  readSome,
} from './store.ts'

export type PreviewParts = {
  api: Database
  clock: Clock
  /** `PopulationRunner.wake`, where this process has one. */
  wakeRunner: () => void
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The preview that `:previewId` names. */
    preview: Preview
  }
}

/** Of a million NPNs: read the population, write the blocks or the jobs. */
const CHANGE_MS_MAX = 60_000
const PLACE = /^[0-9]{1,9}$/

const PreviewQuery = Type.Object({ mode: oneOf(PREVIEW_MODES) })
const RowsQuery = Type.Object({ ...pageParameters, part: Type.Optional(oneOf(PREVIEW_PARTS)) })
const CsvQuery = Type.Object({ part: Type.Optional(oneOf(PREVIEW_PARTS)) })
const NoBody = Type.Object({}, { title: 'EmptyIn' })
const File = Type.String({ title: 'NpnFile', description: 'UTF-8 or UTF-16, at most 20 MB.' })
const List = Type.Array(Type.String({ description: 'An NPN.' }), { title: 'NpnList', description: 'At most 20 MB.' })

/** A change of the population, seen before it is made: portal 2, P2. */
export function registerPreviewRoutes(routes: FastifyInstance, parts: PreviewParts): void {
  const { api, clock, wakeRunner } = parts
  const turns = new Turns(clock, 1)
  routes.decorateRequest('preview')

  async function answer(tx: Queryable, { account }: FastifyRequest, preview: Preview): Promise<object> {
    const { add, remove } = preview.counts
    const types = [
      ...(add > 0 ? ['producersync.npn.activated'] : []),
      ...(remove > 0 ? ['producersync.npn.deactivated'] : []),
    ]
    return previewOut(preview, account.populationMax, await countWanting(tx, account.id, types))
  }

  async function make(request: FastifyRequest, draft: (tx: Queryable) => Promise<Draft>): Promise<object> {
    const options = { settings: settingsOf(request), isolation: 'repeatable read', timeoutMs: CHANGE_MS_MAX } as const
    await api.transaction({ settings: settingsOf(request) }, (tx) => dropOldPreviews(tx, request.account.id))
    return await api.transaction(options, async (tx) =>
      answer(tx, request, await makePreview(tx, clock, request.account, await draft(tx))),
    )
  }

  // its body is read by the route itself, as it comes
  void routes.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _body, done) => done(null))
    const preview = described(
      { config: { access: 'ManagePopulation' }, bodyLimit: BODY_BYTES_MAX.npnList },
      {
        id: 'v1.population.preview',
        summary: 'See what a list of NPNs would change',
        description:
          'A CSV file with a column `npn`, a plain list with one or several NPNs on a line, or a JSON list of strings. ' +
          'Nothing is changed. It is kept for a day, and of an account the newest ten.',
        query: PreviewQuery,
        bodies: { 'text/csv': File, 'text/plain': File, 'application/json': List },
        answers: { 200: PreviewOut },
      },
    )
    scope.post('/app/:app_id/population/preview', preview, async (request) => {
      const { mode } = queryOf(request, PreviewQuery)
      return await turns.take(request.account.id, async () => {
        const list = await readBody(request)
        const { populationMax } = request.account
        const collected = await collect(list, mode !== 'remove', populationMax)
        if (mode === 'replace' && collected.wishes.length === 0) {
          throw invalidInput({ loc: ['body'], msg: 'holds no NPN: a replace is never empty', type: 'value_error' })
        }
        return await make(request, async () => ({ mode, ...list.form, ...collected }))
      })
    })
  })

  const opposite = described(findingJob(parts, 'ManagePopulation'), {
    id: 'v1.population-job.opposite',
    summary: 'See what would take back what a change has done',
    description: 'What has changed since by itself is left as it is.',
    body: NoBody,
    answers: { 200: PreviewOut },
    refusals: ['conflict'],
  })
  routes.post('/app/:app_id/population/job/:jobId/opposite', opposite, async (request) => {
    bodyOf(request, NoBody)
    const { account, shownJob } = request
    if (!shownJob.finishedAt) throw new DomainError('conflict', 'The job has not ended.')
    return await turns.take(account.id, () =>
      make(request, async (tx) => {
        const wishes = await readOpposite(tx, account.id, shownJob.id)
        return { mode: 'opposite', format: 'job', column: null, blank: 0, wishes, repeated: [], invalid: [] }
      }),
    )
  })

  const rows = described(findingPreview(parts, 'ManagePopulation'), {
    id: 'v1.population.list-preview-rows',
    summary: 'Read a preview, and the rows of one of its parts',
    query: RowsQuery,
    answers: { 200: PreviewRowPage },
  })
  routes.get('/app/:app_id/population/preview/:previewId', rows, async (request) => {
    const { part = 'add', ...query } = queryOf(request, RowsQuery)
    const page = parsePage(query, { isKey: (text) => PLACE.test(text), order: 'ascending' })
    const { preview, account } = request
    const read = async (tx: Queryable) => ({
      found: await readPreviewRows(tx, account.id, preview, part, page),
      shown: await answer(tx, request, preview),
    })
    const { found, shown } = await api.transaction({ settings: settingsOf(request), readOnly: true }, read)
    const list = toPage(
      page,
      found,
      (row) => previewRowOut(part, row),
      ({ place }) => String(place),
    )
    return { ...list, preview: shown }
  })

  const csv = described(findingPreview(parts, 'ManagePopulation'), {
    id: 'v1.population.export-preview',
    summary: 'Read a preview as CSV: all of it, or one of its parts',
    query: CsvQuery,
    answerType: 'text/csv; charset=utf-8',
    answers: { 200: Type.String() },
  })
  routes.get('/app/:app_id/population/preview/:previewId/csv', csv, async (request, reply) => {
    const { part } = queryOf(request, CsvQuery)
    const lines = csvOf(api, request, part ? [part] : PREVIEW_PARTS)
    return await reply
      .type('text/csv; charset=utf-8')
      .header('content-disposition', 'attachment; filename="population-difference.csv"')
      .send(Readable.from(lines))
  })

  const apply = described(
    { config: { access: 'ManagePopulation' } },
    {
      id: 'v1.population.change',
      summary: 'Make exactly the change that a preview shows',
      description:
        'If the population has changed since so that the list would do something else, nothing is done: 409 ' +
        '`population_changed` names a preview of what it would do now. Applied again, it answers the same job.',
      body: ChangeBody,
      answers: { 202: ShownJobOut },
      refusals: ['conflict', 'population_changed'],
    },
  )
  routes.post('/app/:app_id/population/change', apply, async (request, reply) => {
    const { previewId, confirmRemovals = null } = bodyOf(request, ChangeBody)
    const { account } = request
    // asked for again, it answers the same job: no key has to be kept for that
    const options = { settings: settingsOf(request), timeoutMs: CHANGE_MS_MAX }
    const { applied, job } = await turns.take(account.id, () =>
      api.transaction(options, async (tx) => {
        const applied = await applyPreview(tx, clock, account, { previewId, confirmRemovals })
        if (applied.kind === 'changed') return { applied }
        return { applied, job: await readShownJob(tx, account.id, applied.jobId, new Date(0)) }
      }),
    )
    if (applied.kind === 'changed') {
      const { previewId } = applied
      const message = 'The population has changed since: look at the difference as it is now.'
      throw new DomainError('population_changed', message, { fields: { previewId } })
    }
    if (!job) throw notFound()
    wakeRunner()
    return await reply.code(202).send(shownJobOut(job))
  })
}

function findingPreview({ api, clock }: Pick<PreviewParts, 'api' | 'clock'>, access: Capability) {
  const find = async (request: FastifyRequest) => {
    const id = uuidInPath(request, 'previewId')
    const preview = await api.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
      readPreview(tx, request.account.id, id, clock.now()),
    )
    if (!preview) throw notFound()
    request.preview = preview
  }
  return { config: { access, find } } as const
}

/** @throws DomainError unsupported_media_type, payload_too_large, invalid_input */
async function readBody(request: FastifyRequest): Promise<ReadList> {
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase()
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding.toLowerCase() !== 'identity') {
    throw new DomainError('unsupported_media_type', 'The body must not be encoded.')
  }
  if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES_MAX.npnList) throw tooLarge(BODY_BYTES_MAX.npnList)
  const chunks = bounded(request.raw, BODY_BYTES_MAX.npnList)
  if (type === 'application/json') return readJson(await buffer(chunks))
  if (type === 'text/csv' || type === 'text/plain') return await readFile(chunks)
  throw new DomainError('unsupported_media_type', 'The body must be text/csv, text/plain or application/json.')
}

async function* bounded(chunks: AsyncIterable<Buffer>, bytesMax: number): AsyncGenerator<Buffer> {
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > bytesMax) throw tooLarge(bytesMax)
    yield chunk
  }
}

async function* csvOf(api: Database, request: FastifyRequest, parts: readonly PreviewPart[]): AsyncGenerator<string> {
  const { account, preview } = request
  yield CSV_HEAD
  for (const part of parts) {
    for (let from = 0; from < preview.counts[part]; ) {
      const some = await api.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
        readSome(tx, account.id, preview, part, from),
      )
      if (some.length === 0) throw new Error('the preview has ended while it was read')
      yield some.map((row) => previewCsv(part, row)).join('')
      from += some.length
    }
  }
}
