import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import type { Access } from '#src/accounts/access.ts'
import { ACTOR_KINDS } from '#src/accounts/principal.ts'
import { csvLine } from '#src/adapters/http/csv.ts'
import { settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { everyPage, pageParameters, parsePage, toPage } from '#src/adapters/http/pages.ts'
import { queryMoment, queryOf } from '#src/adapters/http/query.ts'
import { oneOf, plainText } from '#src/adapters/http/schema.ts'
import { isId } from '#src/adapters/ids.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { AuditPage } from './answer-schemas.ts'
import type { AuditLine } from './audit.ts'
import { AUDIT_ID_PREFIX, type AuditFilter, listAudit } from './store.ts'

export type AuditParts = {
  /** The pool of lists. */
  lists: Database
  access: Pick<Access, 'accountOf'>
  /** What an operation does, in words, by its id. */
  summaryOf: (operation: string) => string
}

const filterParameters = {
  who: Type.Optional(plainText(256, 1)),
  kind: Type.Optional(oneOf(ACTOR_KINDS)),
  operation: Type.Optional(plainText(128, 1)),
  target: Type.Optional(plainText(256, 1)),
  from: Type.Optional(queryMoment()),
  to: Type.Optional(queryMoment()),
}
const ofEnvironment = { account: Type.Optional(plainText(256, 1)) }
const filterSchema = Type.Object(filterParameters)
const listQuery = Type.Object({ ...filterParameters, ...pageParameters })
const envListQuery = Type.Object({ ...filterParameters, ...ofEnvironment, ...pageParameters })
const envExportQuery = Type.Object({ ...filterParameters, ...ofEnvironment })

const exports = {
  answers: {
    200: Type.String({
      description: 'A line for each write, beneath a head.',
    }),
  },
  answerType: 'text/csv; charset=utf-8',
}

/** An export reads this many lines at a time, and ends after so many: the next begins at the moment of its last line. */
const EXPORT_ROWS = 500
const EXPORT_ROWS_MAX = 100_000
const LIST_MS_MAX = 10_000

/** Who did what: in an account, and in a whole environment. Source: portal 2, S15. */
export function registerAuditRoutes(routes: FastifyInstance, { lists, access, summaryOf }: AuditParts): void {
  const own = { config: { access: 'ManageAccount' } } as const
  const all = { config: { access: 'staff' } } as const

  async function read(request: FastifyRequest, accountId: string | null, filter: AuditFilter, page: Page) {
    const { environment } = request.principal
    const options = { settings: settingsOf(request), readOnly: true, timeoutMs: LIST_MS_MAX }
    return await lists.transaction(options, (tx) => listAudit(tx, { environment, accountId }, filter, page))
  }

  async function answerPage(
    request: FastifyRequest,
    accountId: string | null,
    query: Static<typeof listQuery>,
  ): Promise<object> {
    const page = parsePage(query, { isKey: (text) => isId(text, AUDIT_ID_PREFIX) })
    const lines = await read(request, accountId, toFilter(query), page)
    return toPage(
      page,
      lines,
      (line) => toAnswer(line, summaryOf),
      (line) => line.id,
    )
  }

  /** Newest first. */
  async function* pieces(
    request: FastifyRequest,
    accountId: string | null,
    filter: AuditFilter,
  ): AsyncGenerator<string> {
    yield csvLine(CSV_COLUMNS)
    const readPage = (page: Page) => read(request, accountId, filter, page)
    const extent = { order: 'descending', rows: EXPORT_ROWS, rowsMax: EXPORT_ROWS_MAX } as const
    for await (const lines of everyPage(readPage, ({ id }) => id, extent)) {
      yield lines.map((line) => textOf(toAnswer(line, summaryOf))).join('')
    }
  }

  async function sendExport(
    request: FastifyRequest,
    reply: FastifyReply,
    accountId: string | null,
    query: Static<typeof filterSchema>,
  ): Promise<FastifyReply> {
    reply.header('content-disposition', 'attachment; filename="activity.csv"')
    return await reply.type(exports.answerType).send(Readable.from(pieces(request, accountId, toFilter(query))))
  }

  /** The account that a query names: an id or a uid. @throws DomainError not_found */
  async function accountIdOf(request: FastifyRequest, name: string | undefined): Promise<string | null> {
    return name === undefined ? null : (await access.accountOf(request.principal, name)).id
  }

  const list = described(own, {
    id: 'v1.audit.list',
    summary: 'List who did what in an account',
    query: listQuery,
    answers: { 200: AuditPage },
  })
  routes.get('/app/:app_id/audit', list, async (request) => {
    return await answerPage(request, request.account.id, queryOf(request, listQuery))
  })

  const exportOwn = described(own, {
    id: 'v1.audit.export',
    summary: 'Export who did what in an account, newest first, at most 100,000 lines',
    query: filterSchema,
    ...exports,
  })
  routes.get('/app/:app_id/audit/export', exportOwn, async (request, reply) => {
    return await sendExport(request, reply, request.account.id, queryOf(request, filterSchema))
  })

  const listAll = described(all, {
    id: 'v1.env.audit.list',
    summary: 'List who did what in the environment and its accounts',
    query: envListQuery,
    answers: { 200: AuditPage },
    refusals: ['not_found'],
  })
  routes.get('/env/audit', listAll, async (request) => {
    const { account, ...query } = queryOf(request, envListQuery)
    return await answerPage(request, await accountIdOf(request, account), query)
  })

  const exportAll = described(all, {
    id: 'v1.env.audit.export',
    summary: 'Export who did what in the environment, newest first, at most 100,000 lines',
    query: envExportQuery,
    ...exports,
    refusals: ['not_found'],
  })
  routes.get('/env/audit/export', exportAll, async (request, reply) => {
    const { account, ...query } = queryOf(request, envExportQuery)
    return await sendExport(request, reply, await accountIdOf(request, account), query)
  })
}

type Page = Parameters<typeof listAudit>[3]

function toFilter({ who, kind, operation, target, from, to }: Static<typeof filterSchema>): AuditFilter {
  return {
    ...(who === undefined ? {} : { who }),
    ...(kind === undefined ? {} : { kind }),
    ...(operation === undefined ? {} : { operation }),
    ...(target === undefined ? {} : { target }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  }
}

/** What the operations of the command line begin with. */
const COMMAND = 'admin.'

function commandOf(operation: string): string {
  return `By command: ${operation.slice(COMMAND.length).replaceAll('.', ' ')}`
}

function toAnswer(line: AuditLine, summaryOf: AuditParts['summaryOf']) {
  return {
    id: line.id,
    at: line.at.toISOString(),
    accountId: line.accountId,
    who: line.actor,
    operation: line.operation,
    summary: line.operation.startsWith(COMMAND) ? commandOf(line.operation) : summaryOf(line.operation),
    target: line.target,
    changes: line.changes.map((change) =>
      'withheld' in change
        ? { field: change.field, before: null, after: null, withheld: true }
        : { ...change, withheld: false },
    ),
    reason: line.reason,
    address: line.address,
    requestId: line.requestId,
  }
}

const CSV_COLUMNS = [
  ...['id', 'at', 'account', 'who', 'who_kind', 'who_id', 'role', 'operation', 'summary', 'target_kind', 'target'],
  ...['changes', 'reason', 'address', 'request_id'],
]

function textOf(line: ReturnType<typeof toAnswer>): string {
  const { who, target } = line
  return csvLine([
    ...[line.id, line.at, line.accountId, who.name, who.kind, who.id, who.role, line.operation, line.summary],
    ...[target?.kind ?? null, target?.id ?? null, line.changes.length === 0 ? null : JSON.stringify(line.changes)],
    ...[line.reason, line.address, line.requestId],
  ])
}
