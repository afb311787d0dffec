import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { type Account, visibleTo } from '#src/accounts/principal.ts'
import type { Clock } from '#src/adapters/clock.ts'
import { described } from '#src/adapters/http/operation.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import { pathValue } from '#src/adapters/http/routes.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError, notFound } from '#src/domain-error.ts'
import { type Npn, parseNpn } from '#src/population/npn.ts'
import type { ServedKind } from './answer-schemas.ts'
import { answersFor } from './answers.ts'
import { type FilterName, type ListSchema, listQuery, readListQuery } from './filters.ts'
import { LoadWatch } from './load-watch.ts'
import { byId, entityOfProducer, ofOneProducer, ofOneRecord, ofPopulation } from './operations.ts'
import { readServed } from './page.ts'
import { parseToken } from './position.ts'
import { readProducer } from './read-producer.ts'
import { type Reader, readerOf, readLoaded, readRecords, readStanding, type Wanted } from './store.ts'
import { Turns } from './turns.ts'
import { toV2List, type V2Request } from './v2-list.ts'

export type ProducerParts = {
  api: Database
  /** Connections of role `api` for lists of whole populations alone: however long they take, they delay nothing short. */
  lists: Database
  clock: Clock
  /** Without a slash at its end. */
  publicUrl: string
  /** Told of every read. */
  onRead: () => void
  /** Joins an NPN to the account's population, where the account wants that. */
  subscribe: (account: Account, npn: Npn) => Promise<void>
}

const LOADING_RETRY_SECONDS = '5'
/** A list whose filters let next to nothing through looks at all records of the population. */
const LIST_MS_MAX = 10_000
/** Lists of one account that are read at once: fewer than there are connections for them. */
const LISTS_AT_ONCE_MAX = 2
const ID = /^[1-9][0-9]{0,15}$/

const noQuery = Type.Object({})

/** Lists of one producer. */
const OF_ONE_PRODUCER = [
  'addresses',
  'appointments',
  'contactInfos',
  'licenses',
  'otherNames',
  'regulatoryActions',
] as const

/** Lists of the whole population, which have the filter `npns` too. */
const OF_THE_POPULATION = [...OF_ONE_PRODUCER, 'entities', 'licenseLoas'] as const

const BY_ID = [...OF_ONE_PRODUCER, 'licenseLoas', 'regulatoryActionValues'] as const

/** The filters of lists, beside those that all have. */
const FILTERS: Record<(typeof OF_THE_POPULATION)[number], readonly FilterName[]> = {
  addresses: ['states'],
  appointments: ['states', 'coCodes', 'status', 'loaCategories'],
  contactInfos: ['states'],
  entities: [],
  licenses: ['states', 'active', 'loaCodes', 'loaCategories'],
  licenseLoas: ['states', 'loaCodes', 'loaCategories'],
  otherNames: ['states'],
  regulatoryActions: ['states'],
}

/** Lists of what is embedded in one record. */
const OF_ONE_RECORD = [
  { parents: 'licenses', parameter: 'licenseId', kind: 'licenseLoas' },
  { parents: 'regulatoryActions', parameter: 'id', kind: 'regulatoryActionValues' },
] as const

/** Operations 7 to 31 of producersync-api 5. */
export function registerProducerRoutes(routes: FastifyInstance, parts: ProducerParts): void {
  const { api, publicUrl } = parts
  const turns = new Turns(parts.clock, LISTS_AT_ONCE_MAX)
  const answers = answersFor(publicUrl)
  const watch = watchLoads(routes, parts)
  const read = {
    config: { access: 'producersync.read' },
    onRequest: (_request: FastifyRequest, _reply: FastifyReply, done: () => void) => {
      parts.onRead()
      done()
    },
  } as const

  const readPage = async (tx: Queryable, reader: Reader, list: V2Request, scope: Partial<Wanted> = {}) => {
    const filters = { ...list.filters, ...scope.filters }
    const wanted = { ...scope, filters, after: list.after, limit: list.size }
    const rows = await readServed(tx, reader, list.kind, wanted, answers)
    return toV2List(publicUrl, list, rows)
  }

  /** One producer's data, or that it is being loaded. */
  const ofProducer = async <T>(
    request: FastifyRequest,
    reply: FastifyReply,
    { npn, path }: { npn: Npn; path: string },
    serve: (tx: Queryable, reader: Reader) => Promise<T>,
  ) => {
    const { account } = request
    const found = await readProducer(npn, maySubscribe(request), {
      read: () =>
        atOnce(api, request, async (tx, reader) => {
          const standing = await readStanding(tx, reader, npn)
          return { standing, found: standing === 'ready' ? await serve(tx, reader) : null }
        }),
      subscribe: () => parts.subscribe(account, npn),
      waitForData: () => watch.wait({ account, npn }, whileConnected(reply)),
    })
    if (found !== null) return found
    reply.code(202).header('retry-after', LOADING_RETRY_SECONDS)
    const self = { href: `${publicUrl}${path}` }
    return { success: true, message: `Data for NPN ${npn} is being loaded`, links: { self } }
  }

  for (const kind of OF_THE_POPULATION) {
    const query = listQuery(['npns', ...FILTERS[kind]])
    routes.get(`/v2/${kind}`, described(read, ofPopulation(kind, query)), async (request) => {
      const list = listOf(request, kind, query, `/v2/${kind}`)
      return await turns.take(request.account.id, () =>
        atOnce(parts.lists, request, (tx, reader) => readPage(tx, reader, list), LIST_MS_MAX),
      )
    })
  }

  routes.get('/v2/entities/:npn', described(read, entityOfProducer(noQuery)), async (request, reply) => {
    const npn = npnOf(request)
    queryOf(request, noQuery)
    return await ofProducer(request, reply, { npn, path: `/v2/entities/${npn}` }, async (tx, reader) => {
      const [entity] = await readServed(tx, reader, 'entities', { filters: { npns: [npn] } }, answers)
      if (!entity) throw notFound()
      return entity
    })
  })

  for (const kind of OF_ONE_PRODUCER) {
    const query = listQuery(FILTERS[kind])
    routes.get(`/v2/entities/:npn/${kind}`, described(read, ofOneProducer(kind, query)), async (request, reply) => {
      const npn = npnOf(request)
      const path = `/v2/entities/${npn}/${kind}`
      const list = listOf(request, kind, query, path)
      return await ofProducer(request, reply, { npn, path }, (tx, reader) =>
        readPage(tx, reader, list, { filters: { npns: [npn] } }),
      )
    })
  }

  for (const kind of BY_ID) {
    routes.get(`/v1/${kind}/:id`, described(read, byId(kind, noQuery)), async (request) => {
      const id = idOf(request, 'id')
      queryOf(request, noQuery)
      const [record] = await atOnce(api, request, (tx, reader) =>
        readServed(tx, reader, kind, { filters: {}, id }, answers),
      )
      if (!record) throw notFound()
      return record
    })
  }

  for (const { parents, parameter, kind } of OF_ONE_RECORD) {
    const query = listQuery([])
    routes.get(
      `/v2/${parents}/:${parameter}/${kind}`,
      described(read, ofOneRecord(kind, parameter, query)),
      async (request) => {
        const id = idOf(request, parameter)
        const list = listOf(request, kind, query, `/v2/${parents}/${id}/${kind}`)
        return await atOnce(api, request, async (tx, reader) => {
          const [parent] = await readRecords(tx, reader, parents, { filters: {}, id })
          if (!parent) throw notFound()
          return await readPage(tx, reader, list, { filters: { npns: [parent.npn] }, parentIds: [id] })
        })
      },
    )
  }
}

function watchLoads(routes: FastifyInstance, { api, clock }: ProducerParts): LoadWatch {
  const watch = new LoadWatch(clock, async ({ id, environment }, npns) => {
    const options = { settings: visibleTo(environment, id), readOnly: true }
    return await api.transaction(options, (tx) => readLoaded(tx, id, npns))
  })
  // whoever waits is answered, before the server waits for whoever is being answered
  routes.addHook('preClose', (done) => {
    watch.close()
    done()
  })
  return watch
}

/** Runs `work` on one consistent view of what the account may see. */
async function atOnce<T>(
  database: Database,
  { account }: FastifyRequest,
  work: (tx: Queryable, reader: Reader) => Promise<T>,
  timeoutMs?: number,
): Promise<T> {
  const settings = visibleTo(account.environment, account.id)
  const options = { settings, isolation: 'repeatable read', readOnly: true, timeoutMs } as const
  return await database.transaction(options, (tx) => work(tx, readerOf(account)))
}

function maySubscribe({ principal }: FastifyRequest): { subscribe: boolean } {
  return { subscribe: 'scopes' in principal && principal.scopes.has('producersync.write') }
}

function whileConnected(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  return gone.signal
}

function listOf(request: FastifyRequest, kind: ServedKind, schema: ListSchema, path: string): V2Request {
  const { filters, size, token } = readListQuery(queryOf(request, schema))
  return { kind, path, filters, size, token, after: parseToken(token, { path, filters }) }
}

function npnOf(request: FastifyRequest): Npn {
  const npn = parseNpn(pathValue(request, 'npn') ?? '')
  if (npn === undefined) throw new DomainError('unreadable_query', 'npn: must be an NPN')
  return npn
}

function idOf(request: FastifyRequest, name: string): number {
  const text = pathValue(request, name) ?? ''
  const id = Number(text)
  if (!ID.test(text) || !Number.isSafeInteger(id)) throw new DomainError('unreadable_query', `${name}: must be an id`)
  return id
}
