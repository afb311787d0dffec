import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { csvLine } from '#src/adapters/http/csv.ts'
import { settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { everyPage, type Page, pageParameters, parsePage, toPage } from '#src/adapters/http/pages.ts'
import { queryMoment, queryOf } from '#src/adapters/http/query.ts'
import { pathValue } from '#src/adapters/http/routes.ts'
import { oneOf, plainText } from '#src/adapters/http/schema.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { invalidInput, notFound } from '#src/domain-error.ts'
import { readOccurrences } from '#src/population/history-store.ts'
import { NPN, parseNpn } from '#src/population/npn.ts'
import { MONITORED_SORTS, MONITORED_STATES, type MonitoredSort, parseSearch, type Search } from './monitored.ts'
import { monitoredDetailOut, monitoredOut } from './monitored-answers.ts'
import { MonitoredDetailOut, MonitoredPage } from './monitored-schemas.ts'
import {
  type Joined,
  type Listed,
  listMonitored,
  type Monitored,
  readLicenses,
  readMonitored,
} from './monitored-store.ts'
import { readerOf } from './store.ts'

export type MonitoredParts = {
  api: Database
  /** Without a slash at its end. */
  publicUrl: string
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What `:npn` names of the account's population, there or removed. */
    monitored: Monitored
  }
}

const HISTORY_MAX = 100
const NPN_KEY = /^[0-9]{1,10}$/
const JOINED_KEY = /^[0-9]{1,15}\.[0-9]{1,10}$/
const NAME_KEY = /^[^.]+\.[0-9]{1,10}$/

const ListQuery = Type.Object({
  limit: pageParameters.limit,
  iterator: pageParameters.iterator,
  q: Type.Optional(plainText(100)),
  state: Type.Optional(oneOf(MONITORED_STATES)),
  from: Type.Optional(queryMoment()),
  to: Type.Optional(queryMoment()),
  sort: Type.Optional(oneOf(MONITORED_SORTS)),
})

const { q: qParameter, state: stateParameter, from: fromParameter, to: toParameter } = ListQuery.properties
const ExportQuery = Type.Object({ q: qParameter, state: stateParameter, from: fromParameter, to: toParameter })
const EXPORT_COLUMNS = ['npn', 'name', 'kind', 'state', 'joined_at', 'changed_on', 'active_licenses', 'as_of']
const EXPORT_ROWS = 1_000

/** The population as people look at it: portal 2, P1. Reading here joins nothing to it. */
export function registerMonitoredRoutes(routes: FastifyInstance, { api, publicUrl }: MonitoredParts): void {
  routes.decorateRequest('monitored')

  const list = described(
    { config: { access: 'ViewBase' } },
    {
      id: 'v1.population.list',
      summary: 'List or search the monitored producers',
      description:
        '`q`: the first digits of an NPN, or beginnings of words of a name; names are in the order of the word that was ' +
        'found. Without `state`: all that are monitored, so not those removed. `from` (inclusive) and `to` (exclusive): when they have ' +
        'joined; without `q` the list is then in that order. No birth dates and no addresses are shown.',
      query: ListQuery,
      answers: { 200: MonitoredPage },
    },
  )
  routes.get('/app/:app_id/population', list, async (request) => {
    const { q, state = null, from = null, to = null, sort, limit, iterator } = queryOf(request, ListQuery)
    const search = parseSearch(q)
    const joined = { from, to }
    const by = orderOf(search, sort, joined)
    const isKey = (text: string) =>
      (search.by === 'name' ? NAME_KEY : by === 'joined' ? JOINED_KEY : NPN_KEY).test(text)
    const page = parsePage({ limit, iterator, order: sort?.startsWith('-') ? 'descending' : 'ascending' }, { isKey })
    const rows = await api.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
      listMonitored(tx, readerOf(request.account), { search, state, joined, by }, page),
    )
    return toPage(page, rows, monitoredOut, ({ key }) => key)
  })

  /** In the order of the list, in pieces. */
  async function* pieces(request: FastifyRequest, listed: Listed): AsyncGenerator<string> {
    const reader = readerOf(request.account)
    const read = (page: Page) =>
      api.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
        listMonitored(tx, reader, listed, page),
      )
    yield csvLine(EXPORT_COLUMNS)
    for await (const some of everyPage(read, ({ key }) => key, { order: 'ascending', rows: EXPORT_ROWS })) {
      yield some.map(lineOf).join('')
    }
  }

  const exported = described(
    { config: { access: 'ViewBase' } },
    {
      id: 'v1.population.export',
      summary: 'Export the monitored producers as CSV',
      description:
        'The columns of the list, beneath a head. A cell that a spreadsheet would take for a formula begins with an apostrophe.',
      query: ExportQuery,
      answerType: 'text/csv; charset=utf-8',
      answers: { 200: Type.String() },
    },
  )
  routes.get('/app/:app_id/population/export', exported, async (request, reply) => {
    const { q, state = null, from = null, to = null } = queryOf(request, ExportQuery)
    const search = parseSearch(q)
    const joined = { from, to }
    const listed = { search, state, joined, by: orderOf(search, undefined, joined) }
    return await reply.type('text/csv; charset=utf-8').send(Readable.from(pieces(request, listed)))
  })

  const find = async (request: FastifyRequest) => {
    const npn = parseNpn(pathValue(request, 'npn') ?? '')
    const found =
      npn &&
      (await api.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
        readMonitored(tx, readerOf(request.account), npn),
      ))
    if (!found) throw notFound()
    request.monitored = found
  }
  const get = described(
    { config: { access: 'ViewBase', find } },
    {
      id: 'v1.population.get',
      summary: 'Read a producer of the population, its licenses in short, and how it came and went',
      path: { npn: Type.String({ pattern: NPN.source }) },
      answers: { 200: MonitoredDetailOut },
    },
  )
  routes.get('/app/:app_id/population/:npn', get, async (request) => {
    const { account, monitored } = request
    const hasData = monitored.state === 'ready' || monitored.state === 'no_licenses'
    return await api.transaction({ settings: settingsOf(request), readOnly: true }, async (tx) => {
      const licenses = hasData ? await readLicenses(tx, readerOf(account), monitored.npn) : null
      const history = await readOccurrences(tx, account.id, monitored.npn, HISTORY_MAX)
      return monitoredDetailOut(monitored, { licenses, history }, publicUrl)
    })
  })
}

function lineOf({ npn, name, kind, state, joinedAt, changedOn, activeLicenses, asOf }: Monitored): string {
  return csvLine([npn, name, kind, state, joinedAt.toISOString(), changedOn, activeLicenses?.toString() ?? null, asOf])
}

/** @throws DomainError invalid_input for an order that no index has */
function orderOf(search: Search, sort: MonitoredSort | undefined, { from, to }: Joined): 'npn' | 'joined' {
  const isBounded = search.by === 'nothing' && (from !== null || to !== null)
  if (isBounded && (sort === 'npn' || sort === '-npn')) throw unsortable('must be joined or -joined with from or to')
  const by = isBounded || sort === 'joined' || sort === '-joined' ? 'joined' : 'npn'
  if (search.by === 'name' && sort !== undefined)
    throw unsortable('is not taken with a name: what is found is in its order')
  if (search.by === 'npn' && by === 'joined') throw unsortable('must be npn or -npn with the beginning of an NPN')
  return by
}

function unsortable(msg: string) {
  return invalidInput({ loc: ['query', 'sort'], msg, type: 'value_error' })
}
