import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Environments } from '#src/accounts/environments.ts'
import type { Clock } from '#src/adapters/clock.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { settingsOf } from '#src/adapters/http/idempotency.ts'
import { momentOf } from '#src/adapters/http/moment.ts'
import { described } from '#src/adapters/http/operation.ts'
import { pageParameters, parseWindow, toPage, type WindowPage } from '#src/adapters/http/pages.ts'
import { queryList, queryMoment, queryOf } from '#src/adapters/http/query.ts'
import { listOf, momentText, nullable, patternText, plainText } from '#src/adapters/http/schema.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { invalidInput } from '#src/domain-error.ts'
import { NPN } from '#src/population/npn.ts'
import { MessagePage, PrecheckOut } from './answer-schemas.ts'
import { type EventFilter, eventIdOfUid, isWanted, listEvents } from './event-store.ts'
import { eventTypeName } from './event-type.ts'
import { channelName, MESSAGE_ID_PREFIX } from './message.ts'
import { jsonArray, messageOut } from './message-out.ts'
import { parseSearch, type Search } from './search.ts'

export type MessageListParts = {
  database: Database // role `api`
  clock: Clock
  environments: Pick<Environments, 'settings'>
}

const LIST_MS_MAX = 10_000

const ListQuery = Type.Object({
  ...pageParameters,
  before: Type.Optional(queryMoment()),
  after: Type.Optional(queryMoment()),
  channel: Type.Optional(Type.String({ maxLength: 128 })),
  tag: Type.Optional(Type.String({ maxLength: 128 })),
  event_types: Type.Optional(queryList(Type.String({ maxLength: 256 }), 250)),
  with_content: Type.Optional(Type.Boolean()),
  npn: Type.Optional(patternText(NPN, 'a National Producer Number')),
  q: Type.Optional({
    ...plainText(256, 1),
    description: 'An NPN, an id (`msg_`, `evt_`) or its beginning, or an event id.',
  }),
})
const SearchBody = Type.Object(
  {
    limit: Type.Optional(nullable(pageParameters.limit)),
    iterator: Type.Optional(nullable(plainText(300))),
    before: Type.Optional(nullable(momentText())),
    after: Type.Optional(nullable(momentText())),
    channel: Type.Optional(nullable(plainText(128))),
    tag: Type.Optional(nullable(plainText(128))),
    event_types: Type.Optional(nullable(listOf(plainText(256), 250))),
    with_content: Type.Optional(Type.Boolean()),
  },
  { title: 'MessageSearchIn' },
)
const PrecheckBody = Type.Object(
  {
    eventType: eventTypeName,
    channels: Type.Optional(nullable(listOf(channelName, 10))),
  },
  { title: 'MessagePrecheckIn' },
)

/** Looking through messages (events), and whether one would be delivered: webhook-api 7 and 8. */
export function registerMessageListRoutes(
  routes: FastifyInstance,
  { database, clock, environments }: MessageListParts,
): void {
  const readable = { config: { access: 'ViewBase' } } as const

  async function kept({ principal }: FastifyRequest): Promise<{ now: Date; keptDays: number }> {
    const { messageRetentionDays: keptDays } = await environments.settings(principal.environment)
    return { now: clock.now(), keptDays }
  }

  async function answer(
    request: FastifyRequest,
    reply: FastifyReply,
    page: WindowPage,
    asked: EventFilter,
    search: Search | null = null,
  ) {
    const options = { settings: settingsOf(request), readOnly: true, timeoutMs: LIST_MS_MAX }
    const rows = await database.transaction(options, async (tx) => {
      const filter = search === null ? asked : await narrow(tx, request.account.id, asked, search)
      return filter === null ? [] : await listEvents(tx, request.account, page, filter)
    })
    const { data, ...rest } = toPage(
      page,
      rows,
      (event) => messageOut(event, asked.withContent),
      (event) => event.id,
    )
    const tail = Buffer.from(JSON.stringify(rest).replace('{', ','))
    const body = Buffer.concat([Buffer.from('{"data":'), jsonArray(data), tail])
    return await reply.type('application/json').send(body)
  }

  const list = described(readable, {
    id: 'v1.message.list',
    summary: 'List messages',
    query: ListQuery,
    answers: { 200: MessagePage },
  })
  routes.get('/app/:app_id/msg', list, async (request, reply) => {
    const { with_content: withContent = true, ...query } = queryOf(request, ListQuery)
    const page = parseWindow(query, { prefix: MESSAGE_ID_PREFIX, ...(await kept(request)) })
    const filter = { ...filterOf(query, withContent), npn: query.npn ?? null }
    return await answer(request, reply, page, filter, query.q === undefined ? null : searchIn(query.q))
  })

  const search = described(readable, {
    id: 'v1.message.search',
    summary: 'List messages, asked for in a body',
    body: SearchBody,
    answers: { 200: MessagePage },
  })
  routes.post('/app/:app_id/msg/search', search, async (request, reply) => {
    const { with_content: withContent = false, ...wanted } = bodyOf(request, SearchBody)
    const window = {
      iterator: wanted.iterator,
      limit: wanted.limit ?? undefined,
      before: wanted.before == null ? undefined : momentOf(wanted.before),
      after: wanted.after == null ? undefined : momentOf(wanted.after),
    }
    const page = parseWindow(window, { prefix: MESSAGE_ID_PREFIX, ...(await kept(request)), where: 'body' })
    return await answer(request, reply, page, filterOf(wanted, withContent))
  })

  const precheck = described(
    { config: { access: 'environment_key' } },
    {
      id: 'v1.message.precheck',
      summary: 'Would any endpoint get such a message?',
      body: PrecheckBody,
      answers: { 200: PrecheckOut },
    },
  )
  routes.post('/app/:app_id/msg/precheck/active', precheck, async (request) => {
    const { eventType, channels } = bodyOf(request, PrecheckBody)
    const active = await database.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
      isWanted(tx, request.account, eventType, channels?.length ? channels : null),
    )
    return { active }
  })
}

type Wanted = { event_types?: string[] | null; channel?: string | null; tag?: string | null }

function filterOf({ event_types, channel, tag }: Wanted, withContent: boolean): EventFilter {
  return {
    types: event_types?.length ? event_types : null,
    channel: channel ?? null,
    tag: tag ?? null,
    npn: null,
    beginning: null,
    withContent,
  }
}

/** @throws DomainError invalid_input for what names no event */
function searchIn(text: string): Search {
  const search = parseSearch(text.trim())
  if (search && search.kind !== 'attempt' && search.kind !== 'endpoint') return search
  const msg = 'must be an NPN, an id of a message or its beginning, or an event id'
  throw invalidInput({ loc: ['query', 'q'], msg, type: 'value_error' })
}

/** @returns null when nothing can be found */
async function narrow(
  tx: Queryable,
  accountId: string,
  filter: EventFilter,
  search: Search,
): Promise<EventFilter | null> {
  switch (search.kind) {
    case 'npn':
      return filter.npn !== null && filter.npn !== search.npn ? null : { ...filter, npn: search.npn }
    case 'uid': {
      const eventId = await eventIdOfUid(tx, accountId, search.uid)
      return eventId === undefined ? null : { ...filter, beginning: eventId }
    }
    default:
      return { ...filter, beginning: search.prefix }
  }
}
