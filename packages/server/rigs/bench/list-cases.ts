import { HISTORY_DAYS, NEVER, NEVER_FAILED, RARE, USUAL } from './history.ts'
import { asSuperuser } from './service.ts'

/** What requests of an account name: spread over all days, oldest first. */
export type Sample = {
  accountId: string
  eventIds: string[]
  endpointIds: string[]
  attemptIds: string[]
  days: Date[]
}

/** Requests that are measured together, and what they find: rows, nothing, or either. */
export type ListCase = { name: string; finds: 'rows' | 'nothing' | 'either'; request: (number: number) => ListRequest }
export type ListRequest = { path: string; body?: object }

const PER_DAY = 4
const DAY_MS = 86_400_000
const STATS_DAYS = 28

/** @param attemptIds of the first endpoint */
export async function sampleOf(dataDir: string, accountId: string, now: Date): Promise<Sample> {
  return await asSuperuser(dataDir, async (client) => {
    const { rows: endpoints } = await client.query<{ id: string }>(
      'select id from endpoint where account_id = $1 and deleted_at is null order by id',
      [accountId],
    )
    const endpointIds = endpoints.map(({ id }) => id)
    const daily = (table: string, prefix: string, among: string) => `
      select o.id from generate_series(1, ${HISTORY_DAYS}) as day
       cross join lateral (select id from ${table} where account_id = $1 ${among}
                              and id >= '${prefix}' || ksuid_floor(now() - day * interval '1 day')
                            order by id limit ${PER_DAY}) as o
       order by o.id`
    const { rows: events } = await client.query<{ id: string }>(daily('event', 'msg_', ''), [accountId])
    const ofEndpoint = daily('attempt', 'atmpt_', 'and endpoint_id = $2')
    const { rows: attempts } = await client.query<{ id: string }>(ofEndpoint, [accountId, endpointIds[0]])
    return {
      accountId,
      endpointIds,
      eventIds: events.map(({ id }) => id),
      attemptIds: attempts.map(({ id }) => id),
      days: Array.from({ length: HISTORY_DAYS - 1 }, (_, ago) => new Date(now.getTime() - (ago + 1) * DAY_MS)),
    }
  })
}

/** Every list of events, attempts, endpoints and accounts, with each of its filters, and the statistics. */
export function listCases(sample: Sample, now: Date): ListCase[] {
  return [
    ...messageCases(sample),
    ...attemptCases(sample),
    ...standingCases(sample),
    ...logCases(sample),
    ...otherCases(sample, now),
  ]
}

function messageCases({ accountId, eventIds, days }: Sample): ListCase[] {
  const list = `/app/${accountId}/msg`
  const filters = filtersOf(['event_types', 'channel', 'tag'])
  const searches = filters.map(({ name, finds, field, value }) => ({
    name: `A/msg/search ${name}`,
    finds,
    request: () => ({ path: `${list}/search`, body: { [field]: field === 'event_types' ? [value] : value } }),
  }))
  return [
    { name: 'A/msg', finds: 'rows', request: () => ({ path: list }) },
    { name: 'A/msg limit=250', finds: 'rows', request: () => ({ path: `${list}?limit=250` }) },
    ...filters.map(({ name, finds, query }) => caseOf(`A/msg ${name}`, finds, () => `${list}?${query}`)),
    caseOf('A/msg before', 'either', (number) => `${list}?before=${dayOf(days, number)}`),
    caseOf('A/msg after', 'either', (number) => `${list}?after=${dayOf(days, number)}`),
    caseOf('A/msg iterator, deep', 'either', (number) => `${list}?iterator=${of(eventIds, number)}`),
    caseOf('A/msg iterator, back', 'either', (number) => `${list}?iterator=-${of(eventIds, number)}`),
    { name: 'A/msg/search', finds: 'rows', request: () => ({ path: `${list}/search`, body: {} }) },
    ...searches,
  ]
}

function attemptCases({ accountId, endpointIds, attemptIds, eventIds }: Sample): ListCase[] {
  const ofEndpoint = `/app/${accountId}/attempt/endpoint/${endpointIds[0]}`
  const neverFailed = `/app/${accountId}/attempt/endpoint/${endpointIds[NEVER_FAILED]}`
  const ofEvent = (number: number) => `/app/${accountId}/attempt/msg/${of(eventIds, number)}`
  const filters = filtersOf(['event_types', 'channel', 'tag'])
  const own: [string, ListCase['finds']][] = [
    ['status=0', 'rows'],
    ['status=2', 'either'],
    ['status=4', 'either'],
    ['status_code_class=0', 'either'],
    ['status_code_class=200', 'rows'],
    ['status_code_class=300', 'nothing'],
    ['status_code_class=500', 'either'],
    ['status=0&status_code_class=500', 'nothing'],
  ]
  return [
    caseOf('A/attempt/endpoint', 'rows', () => ofEndpoint),
    caseOf('A/attempt/endpoint with_msg', 'rows', () => `${ofEndpoint}?with_msg=true`),
    caseOf(
      'A/attempt/endpoint iterator, deep',
      'either',
      (number) => `${ofEndpoint}?iterator=${of(attemptIds, number)}`,
    ),
    ...own.map(([query, finds]) => caseOf(`A/attempt/endpoint ${query}`, finds, () => `${ofEndpoint}?${query}`)),
    caseOf('A/attempt/endpoint status=2, never failed', 'nothing', () => `${neverFailed}?status=2`),
    caseOf(
      'A/attempt/endpoint status_code_class=500, never failed',
      'nothing',
      () => `${neverFailed}?status_code_class=500`,
    ),
    ...filters.map(({ name, finds, query }) =>
      caseOf(`A/attempt/endpoint ${name}`, finds === 'rows' ? 'either' : finds, () => `${ofEndpoint}?${query}`),
    ),
    caseOf('A/attempt/msg', 'rows', ofEvent),
    ...[...own.map(([query]) => query), ...filters.map(({ query }) => query)].map((query) =>
      caseOf(`A/attempt/msg ${query}`, 'either', (number) => `${ofEvent(number)}?${query}`),
    ),
  ]
}

function standingCases({ accountId, endpointIds, eventIds }: Sample): ListCase[] {
  const list = `/app/${accountId}/endpoint/${endpointIds[0]}/msg`
  const neverFailed = `/app/${accountId}/endpoint/${endpointIds[NEVER_FAILED]}/msg`
  return [
    caseOf('E/msg', 'rows', () => list),
    caseOf('E/msg iterator, deep', 'either', (number) => `${list}?iterator=${of(eventIds, number)}`),
    ...[0, 1, 2, 3, 4].map((status) =>
      caseOf(`E/msg status=${status}`, status === 0 ? 'rows' : 'either', () => `${list}?status=${status}`),
    ),
    caseOf('E/msg status=2, never failed', 'nothing', () => `${neverFailed}?status=2`),
    ...filtersOf(['event_types', 'channel', 'tag']).map(({ name, finds, query }) =>
      caseOf(`E/msg ${name}`, finds === 'rows' ? 'either' : finds, () => `${list}?${query}`),
    ),
    caseOf('M/endpoint', 'rows', (number) => `/app/${accountId}/msg/${of(eventIds, number)}/endpoint`),
  ]
}

/** The log of deliveries by each of its filters, its counts, and one event at all endpoints. */
function logCases({ accountId, endpointIds, attemptIds, eventIds }: Sample): ListCase[] {
  const log = `/app/${accountId}/delivery`
  const filters = [
    ...['delivered', 'exhausted', 'canceled', 'retrying', 'waiting', 'exhausted,retrying'].map(
      (state) => `state=${state}`,
    ),
    ...['http_server_error', 'http_not_found', 'tls_name'].map((name) => `class=${name}`),
    ...['code=200', 'code=404', 'code=5xx', 'test=true', 'trigger=resend', 'slow=true', 'npn=15645555'],
    ...[USUAL, RARE, NEVER].map(({ type }) => `type=${type}`),
    ...['state=delivered', 'state=exhausted', 'state=retrying', 'class=http_server_error'].map(
      (filter) => `${filter}&type=${NEVER.type}`,
    ),
  ]
  return [
    caseOf('A/delivery', 'rows', () => log),
    caseOf('A/delivery/count', 'either', () => `${log}/count`),
    ...filters.flatMap((filter) => [
      caseOf(`A/delivery ${filter}`, 'either', () => `${log}?${filter}`),
      caseOf(`A/delivery/count ${filter}`, 'either', () => `${log}/count?${filter}`),
    ]),
    caseOf('A/delivery endpoint', 'either', () => `${log}?endpoint=${endpointIds[0]}`),
    caseOf('A/delivery/count endpoint', 'either', () => `${log}/count?endpoint=${endpointIds[0]}`),
    caseOf('A/delivery q, an event', 'either', (number) => `${log}?q=${of(eventIds, number)}`),
    caseOf('A/delivery q, an attempt', 'either', (number) => `${log}?q=${of(attemptIds, number)}`),
    caseOf('M/timeline', 'either', (number) => `/app/${accountId}/msg/${of(eventIds, number)}/timeline`),
  ]
}

/** Of an account with one endpoint that very many deliveries wait for. */
export function waitingCases({ accountId, endpointIds, eventIds }: Sample): ListCase[] {
  const endpoint = `/app/${accountId}/endpoint/${endpointIds[0]}`
  const log = `/app/${accountId}/delivery`
  const planned = [1, 3].flatMap((status) => [
    caseOf(`E/msg status=${status}`, 'rows', () => `${endpoint}/msg?status=${status}`),
    caseOf(
      `E/msg status=${status}, deep`,
      'either',
      (number) => `${endpoint}/msg?status=${status}&iterator=${of(eventIds, number)}`,
    ),
    caseOf(
      `E/msg status=${status}, usual`,
      'either',
      () => `${endpoint}/msg?status=${status}&event_types=${USUAL.type}`,
    ),
    caseOf(
      `E/msg status=${status}, never`,
      'nothing',
      () => `${endpoint}/msg?status=${status}&event_types=${NEVER.type}`,
    ),
  ])
  const logged = ['', '?state=waiting', '?state=retrying', `?endpoint=${endpointIds[0]}`].flatMap((query) => [
    caseOf(`A/delivery ${query}`, 'rows', () => `${log}${query}`),
    caseOf(`A/delivery/count ${query}`, 'either', () => `${log}/count${query}`),
  ])
  const sought = ['waiting', 'retrying'].flatMap((state) => {
    const query = `?state=${state}&type=${NEVER.type}`
    return [
      caseOf(`A/delivery ${query}`, 'nothing', () => `${log}${query}`),
      caseOf(`A/delivery/count ${query}`, 'either', () => `${log}/count${query}`),
    ]
  })
  return [
    caseOf('A/msg', 'rows', () => `/app/${accountId}/msg`),
    caseOf('A/attempt/endpoint', 'rows', () => `/app/${accountId}/attempt/endpoint/${endpointIds[0]}`),
    caseOf('E/msg', 'rows', () => `${endpoint}/msg`),
    caseOf('E/msg status=4', 'nothing', () => `${endpoint}/msg?status=4`),
    caseOf('M/endpoint', 'rows', (number) => `/app/${accountId}/msg/${of(eventIds, number)}/endpoint`),
    caseOf('E/stats', 'either', () => `${endpoint}/stats`),
    ...planned,
    ...logged,
    ...sought,
  ]
}

function otherCases({ accountId, endpointIds }: Sample, now: Date): ListCase[] {
  const since = (days: number) => new Date(now.getTime() - days * DAY_MS).toISOString()
  const range = (days: number) => `since=${since(days)}&until=${now.toISOString()}`
  const stats = `/app/${accountId}/endpoint/${endpointIds[0]}/stats`
  const byPeriod = `/stats/app/${accountId}/attempt`
  return [
    caseOf('E/stats, 1 day', 'either', () => `${stats}?${range(1)}`),
    caseOf('E/stats', 'either', () => stats),
    caseOf('A/stats/attempts, 1 day', 'either', () => `/app/${accountId}/stats/attempts?${range(1)}`),
    caseOf('A/stats/attempts, 28 days', 'either', () => `/app/${accountId}/stats/attempts?${range(STATS_DAYS)}`),
    caseOf('stats/app/A/attempt OneHour', 'either', () => `${byPeriod}?period=OneHour`),
    caseOf('stats/app/A/attempt OneDay', 'either', () => byPeriod),
    caseOf('A/endpoint', 'rows', () => `/app/${accountId}/endpoint`),
    caseOf('app', 'rows', () => '/app?limit=250'),
  ]
}

type Field = 'event_types' | 'channel' | 'tag'

/** For each field what many events have, what few have, and what none has. */
function filtersOf(fields: readonly Field[]) {
  const values = [
    ['usual', USUAL, 'rows'],
    ['rare', RARE, 'either'],
    ['never', NEVER, 'nothing'],
  ] as const
  return fields.flatMap((field) =>
    values.map(([kind, { type, channel, tag }, finds]) => {
      const value = { event_types: type, channel, tag }[field]
      return { name: `${field}, ${kind}`, finds, field, value, query: `${field}=${value}` }
    }),
  )
}

function caseOf(name: string, finds: ListCase['finds'], pathOf: (number: number) => string): ListCase {
  return { name, finds, request: (number) => ({ path: pathOf(number) }) }
}

function of(ids: readonly string[], number: number): string {
  return ids[number % ids.length] ?? ''
}

function dayOf(days: readonly Date[], number: number): string {
  return days[number % days.length]?.toISOString() ?? ''
}
