import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Environments } from '#src/accounts/environments.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { type PageRequest, parsePage, toPage } from '#src/adapters/http/pages.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import { oneOf } from '#src/adapters/http/schema.ts'
import { isId } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { DeliveryCountOut, DeliveryPage } from './answer-schemas.ts'
import { CSV_HEAD, deliveryCsv, deliveryOut, keyOf, type Shown } from './answers.ts'
import { type FoundFilter, findFilter, type Pair } from './found-filter.ts'
import type { Scope, Wanted } from './matching.ts'
import {
  DELIVERY_PAGE,
  type DeliveryFilter,
  deliveryParameters,
  type GivenDeliveryFilter,
  parseDeliveryFilter,
} from './query.ts'
import { countDeliveries, type DeliveryLine, listDeliveries } from './store.ts'

export type DeliveryLogParts = {
  api: Database
  clock: Clock
  environments: Pick<Environments, 'settings'>
  /** The service's own, without a slash at its end. */
  publicUrl: string
}

const LIST_MS_MAX = 10_000
const COUNT_MAX = 10_000
const EXPORT_ROWS_MAX = 100_000
const EXPORT_ROWS_PER_READ = 1_000
const DAY_MS = 86_400_000
/** Events later than this from now are not shown, as in other lists. */
const AHEAD_MS = 3_600_000
/** Statements say in which order they look; the planner, who knows less here, keeps to it. */
const AS_WRITTEN = { join_collapse_limit: '1' }

const EXPORTS = {
  csv: { type: 'text/csv; charset=utf-8', head: CSV_HEAD, lineOf: deliveryCsv },
  ndjson: {
    type: 'application/x-ndjson',
    head: '',
    lineOf: (line: DeliveryLine, shown: Shown) => `${JSON.stringify(deliveryOut(line, shown))}\n`,
  },
}

const ListQuery = Type.Object({ ...deliveryParameters, ...DELIVERY_PAGE })
const CountQuery = Type.Object(deliveryParameters)
const ExportQuery = Type.Object({
  ...deliveryParameters,
  iterator: DELIVERY_PAGE.iterator,
  sort: DELIVERY_PAGE.sort,
  format: oneOf(['csv', 'ndjson']),
})

/** The log: deliveries of an account with their last attempts. Source: portal 2, S5 */
export function registerDeliveryLogRoutes(
  routes: FastifyInstance,
  { api, clock, environments, publicUrl }: DeliveryLogParts,
): void {
  const readable = { config: { access: 'ViewBase' } } as const

  type Look = { scope: Scope; shown: Shown; found: FoundFilter | null }

  /** Everything that one answer, or all of an export, looks at. */
  async function lookOf(request: FastifyRequest, filter: DeliveryFilter): Promise<Look> {
    const settings = await environments.settings(request.principal.environment)
    const now = clock.now()
    const kept = { from: addMs(now, -settings.messageRetentionDays * DAY_MS), until: addMs(now, AHEAD_MS) }
    return {
      scope: { accountId: request.account.id, now, timeoutMs: settings.timeoutMs },
      shown: { docsUrl: `${publicUrl}/docs/troubleshooting`, waits: settings.retrySchedule.length },
      found: await within(request, (tx) => findFilter(tx, request.account, filter, kept)),
    }
  }

  async function within<T>(request: FastifyRequest, work: (tx: Queryable) => Promise<T>): Promise<T> {
    const settings = { ...settingsOf(request), ...AS_WRITTEN }
    return await api.transaction({ settings, readOnly: true, timeoutMs: LIST_MS_MAX }, work)
  }

  async function read(request: FastifyRequest, { scope, found }: Look, wanted: Wanted): Promise<DeliveryLine[]> {
    return found === null ? [] : await within(request, (tx) => listDeliveries(tx, scope, found, wanted))
  }

  const list = described(readable, {
    id: 'v1.delivery.list',
    summary: 'List deliveries with their last attempts',
    description:
      'A delivery is an event with an endpoint. Values of one parameter are alternatives, parameters are joined by “and”. ' +
      'Paging neither repeats nor skips while events arrive.',
    query: ListQuery,
    answers: { 200: DeliveryPage },
  })
  routes.get('/app/:app_id/delivery', list, async (request) => {
    const query = queryOf(request, ListQuery)
    const page = pageOf(query)
    const look = await lookOf(request, parseDeliveryFilter(query, 'query'))
    const rows = await read(request, look, {
      rows: page.limit + 1,
      order: page.read,
      above: page.above === null ? null : pairOf(page.above),
      below: page.below === null ? null : pairOf(page.below),
      withStanding: true,
    })
    return toPage(
      page,
      rows,
      (line) => deliveryOut(line, look.shown),
      ({ event, endpoint }) => keyOf({ eventId: event.id, endpointId: endpoint.id }),
    )
  })

  const count = described(readable, {
    id: 'v1.delivery.count',
    summary: 'Count deliveries, up to 10,000',
    query: CountQuery,
    answers: { 200: DeliveryCountOut },
  })
  routes.get('/app/:app_id/delivery/count', count, async (request) => {
    const { scope, found } = await lookOf(request, parseDeliveryFilter(queryOf(request, CountQuery), 'query'))
    const counted = found === null ? 0 : await within(request, (tx) => countDeliveries(tx, scope, found, COUNT_MAX + 1))
    return { count: Math.min(counted, COUNT_MAX), capped: counted > COUNT_MAX }
  })

  const exported = described(readable, {
    id: 'v1.delivery.export',
    summary: 'Export deliveries as CSV or as a JSON object a line',
    description:
      'The columns of the list, as far as 100,000 deliveries; to go on, pass the last one’s `id` (`msgId:endpointId`) as ' +
      '`iterator`. A cell that a spreadsheet would take for a formula begins with an apostrophe.',
    query: ExportQuery,
    answerType: 'text/csv; charset=utf-8',
    answers: { 200: Type.String() },
  })
  routes.get('/app/:app_id/delivery/export', exported, async (request, reply) => {
    const query = queryOf(request, ExportQuery)
    const page = pageOf(query)
    const look = await lookOf(request, parseDeliveryFilter(query, 'query'))
    const { type, head, lineOf } = EXPORTS[query.format]

    async function* lines(): AsyncGenerator<string> {
      if (head !== '') yield head
      let { above, below } = { above: page.above && pairOf(page.above), below: page.below && pairOf(page.below) }
      for (let left = EXPORT_ROWS_MAX; left > 0; ) {
        const rows = Math.min(left, EXPORT_ROWS_PER_READ)
        const some = await read(request, look, { rows, order: page.read, above, below, withStanding: true })
        yield some.map((line) => lineOf(line, look.shown)).join('')
        const last = some.at(-1)
        if (last === undefined || some.length < rows) return
        const pair = { eventId: last.event.id, endpointId: last.endpoint.id }
        if (page.read === 'ascending') above = pair
        else below = pair
        left -= rows
      }
    }
    return await reply
      .type(type)
      .header('content-disposition', `attachment; filename="deliveries.${query.format}"`)
      .send(Readable.from(lines()))
  })
}

function pageOf({ sort, ...query }: GivenDeliveryFilter & PageRequest & { sort?: 'newest' | 'oldest' }) {
  const order = sort === 'oldest' ? 'ascending' : 'descending'
  return parsePage({ ...query, order }, { isKey })
}

function isKey(text: string): boolean {
  const { eventId, endpointId } = pairOf(text)
  return isId(eventId, 'msg_') && isId(endpointId, 'ep_')
}

function pairOf(key: string): Pair {
  const [eventId = '', endpointId = ''] = key.split(':', 2)
  return { eventId, endpointId }
}
