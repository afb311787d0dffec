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
import { countDeliveries, type DeliveryLine, listDeliveries } from './store.ts'
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

  async function read(request: FastifyRequest, { view, found }: Look, wanted: Wanted): Promise<DeliveryLine[]> {
    return found === null ? [] : await within(request, parts, (tx) => listDeliveries(tx, view.scope, found, wanted))
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
      ...endsOf(page),
      rows: page.limit + 1,
      order: page.read,
      withStanding: true,
    })
    return toPage(
      page,
      rows,
      (line) => deliveryOut(line, look.view.shown),
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
    const { view, found } = await lookOf(request, parseDeliveryFilter(queryOf(request, CountQuery), 'query'))
    const counted =
      found === null ? 0 : await within(request, parts, (tx) => countDeliveries(tx, view.scope, found, COUNT_MAX + 1))
    return { count: Math.min(counted, COUNT_MAX), capped: counted > COUNT_MAX }
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
        const some = await read(request, look, { rows, order: page.read, above, below, withStanding: true })
        yield some.map((line) => lineOf(line, look.view.shown)).join('')
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
