import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { described } from '#src/adapters/http/operation.ts'
import { type Page, type PageRequest, parsePage, toPage } from '#src/adapters/http/pages.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import { oneOf } from '#src/adapters/http/schema.ts'
import { isId } from '#src/adapters/ids.ts'
import { DeliveryCountOut, DeliveryPage } from './answer-schemas.ts'
import { CSV_HEAD, deliveryCsv, deliveryOut, keyOf, type Shown } from './answers.ts'
import { type FoundFilter, findFilter, type Pair } from './found-filter.ts'
import type { Wanted } from './matching.ts'
import {
  DELIVERY_PAGE,
  type DeliveryFilter,
  deliveryParameters,
  type GivenDeliveryFilter,
  parseDeliveryFilter,
} from './query.ts'
import { countDeliveries, type DeliveryLine, type FoundLines, listDeliveries } from './store.ts'
import { type DeliveryLogParts, type View, viewOf, within } from './view.ts'

const COUNT_MAX = 10_000
const EXPORT_ROWS_MAX = 100_000
const EXPORT_ROWS_PER_READ = 1_000

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
  format: Type.Optional({ ...oneOf(['csv', 'ndjson']), description: '`csv` if not given.' }),
})

/** The log: deliveries of an account with their last attempts. Source: portal 2, S5 */
export function registerDeliveryLogRoutes(routes: FastifyInstance, parts: DeliveryLogParts): void {
  const readable = { config: { access: 'ViewBase' } } as const

  type Look = { view: View; found: FoundFilter | null }

  async function lookOf(request: FastifyRequest, filter: DeliveryFilter): Promise<Look> {
    const view = await viewOf(request, parts)
    return { view, found: await within(request, parts, (tx) => findFilter(tx, request.account, filter, view.kept)) }
  }

  async function read(request: FastifyRequest, { view, found }: Look, wanted: Wanted): Promise<FoundLines> {
    if (found === null) return { lines: [], stoppedAt: null }
    return await within(request, parts, (tx) => listDeliveries(tx, view.scope, found, wanted))
  }

  const list = described(readable, {
    id: 'v1.delivery.list',
    summary: 'List deliveries with their last attempts',
    description:
      'A delivery is an event with an endpoint. Values of one parameter are alternatives, parameters are joined by “and”. ' +
      'Paging neither repeats nor skips while events arrive. A page of what is planned may end before it is full: until `done` is ' +
      'true, go on with `iterator`.',
    query: ListQuery,
    answers: { 200: DeliveryPage },
  })
  routes.get('/app/:app_id/delivery', list, async (request) => {
    const query = queryOf(request, ListQuery)
    const page = pageOf(query)
    const look = await lookOf(request, parseDeliveryFilter(query, 'query'))
    const { lines, stoppedAt } = await read(request, look, {
      ...endsOf(page),
      rows: page.limit + 1,
      order: page.read,
      withStanding: true,
    })
    return toPage(
      page,
      lines,
      (line) => deliveryOut(line, look.view.shown),
      ({ event, endpoint }) => keyOf({ eventId: event.id, endpointId: endpoint.id }),
      stoppedAt && keyOf(stoppedAt),
    )
  })

  const count = described(readable, {
    id: 'v1.delivery.count',
    summary: 'Count deliveries, up to 10,000',
    query: CountQuery,
    answers: { 200: DeliveryCountOut },
  })
  routes.get('/app/:app_id/delivery/count', count, async (request) => {
    const { view, found } = await lookOf(request, parseDeliveryFilter(queryOf(request, CountQuery), 'query'))
    if (found === null) return { count: 0, capped: false }
    return await within(request, parts, (tx) => countDeliveries(tx, view.scope, found, COUNT_MAX))
  })

  const exported = described(readable, {
    id: 'v1.delivery.export',
    summary: 'Export deliveries as CSV or as a JSON object a line',
    description:
      'The columns of the list, as far as 100,000 deliveries; to go on, pass the last one’s `id` (`msgId:endpointId`) as ' +
      '`iterator`. A cell that a spreadsheet would take for a formula begins with an apostrophe.',
    query: ExportQuery,
    answerType: [EXPORTS.csv.type, EXPORTS.ndjson.type],
    answers: { 200: Type.String() },
  })
  routes.get('/app/:app_id/delivery/export', exported, async (request, reply) => {
    const query = queryOf(request, ExportQuery)
    const page = pageOf(query)
    const look = await lookOf(request, parseDeliveryFilter(query, 'query'))
    const { format = 'csv' } = query
    const { type, head, lineOf } = EXPORTS[format]

    async function* lines(): AsyncGenerator<string> {
      if (head !== '') yield head
      let { above, below } = endsOf(page)
      for (let left = EXPORT_ROWS_MAX; left > 0; ) {
        const rows = Math.min(left, EXPORT_ROWS_PER_READ)
        const wanted = { rows, order: page.read, above, below, withStanding: true }
        const { lines: some, stoppedAt } = await read(request, look, wanted)
        yield some.map((line) => lineOf(line, look.view.shown)).join('')
        const last = some.at(-1)
        const isFull = last !== undefined && some.length === rows
        const end = isFull ? { eventId: last.event.id, endpointId: last.endpoint.id } : stoppedAt
        if (end === null) return
        if (page.read === 'ascending') above = end
        else below = end
        left -= some.length
      }
    }
    return await reply
      .type(type)
      .header('content-disposition', `attachment; filename="deliveries.${format}"`)
      .send(Readable.from(lines()))
  })
}

function pageOf({ sort, ...query }: GivenDeliveryFilter & PageRequest & { sort?: 'newest' | 'oldest' }) {
  const order = sort === 'oldest' ? 'ascending' : 'descending'
  return parsePage({ ...query, order }, { isKey })
}

function endsOf({ above, below }: Page): Pick<Wanted, 'above' | 'below'> {
  return { above: above === null ? null : pairOf(above), below: below === null ? null : pairOf(below) }
}

function isKey(text: string): boolean {
  const { eventId, endpointId } = pairOf(text)
  return isId(eventId, 'msg_') && isId(endpointId, 'ep_')
}

function pairOf(key: string): Pair {
  const [eventId = '', endpointId = ''] = key.split(':', 2)
  return { eventId, endpointId }
}
