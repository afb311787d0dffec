import type { TestAccount } from './api-client.ts'

/** A value for each parameter that a path of the API can have: all that an account, or an environment, can own. */
export type Named = Record<
  | 'app_id'
  | 'endpoint_id'
  | 'msg_id'
  | 'attempt_id'
  | 'task_id'
  | 'replay_id'
  | 'issue_id'
  | 'event_type_name'
  | 'jobId'
  | 'previewId'
  | 'npn'
  | 'runDate'
  | 'member_id'
  | 'key_id'
  | 'key_secret_id'
  | 'secret_id'
  | 'link_id'
  | 'cli_session_id'
  | 'replay_preview_id', // only in a body
  string
>

/** An account with one of everything; its names and contents hold `canary`. */
export type Owner = { account: TestAccount; named: Named; canary: string; token: string }

/** What the description says of an operation beside its path, as far as ids can stand there. */
export type Inputs = { method: string; path: string; query: string[]; members: string[] }

type Schema = {
  $ref?: string
  properties?: Record<string, Schema>
  items?: Schema
  anyOf?: Schema[]
}
type Operation = {
  parameters?: { in?: string; name?: string }[]
  requestBody?: { content: Record<string, { schema?: Schema }> }
}
/** An OpenAPI document, as far as it is read here. */
export type Document = {
  paths: Record<string, Record<string, Operation & { 'x-access'?: string }>>
  components: { schemas: Record<string, Schema> }
}

/** Query parameters of the management API that name something of an account, and what. */
export const QUERY_IDS: Readonly<Record<string, keyof Named>> = {
  endpoint_id: 'endpoint_id',
  endpoint: 'endpoint_id',
  q: 'msg_id',
  npn: 'npn',
  target: 'endpoint_id',
  account: 'app_id',
}

/** Query parameters that name nothing of anybody: how a list is cut, and what its rows have. An iterator is a place between rows. */
export const QUERY_WORDS: ReadonlySet<string> = new Set(
  `limit iterator order sort expanded_statuses with_content with_msg before after status channel tag event_types status_code_class
   exclude_apps_with_no_endpoints exclude_apps_with_disabled_endpoints get_if_exists who kind operation from to userCode state type
   class code test trigger slow format bucket since until topics outcome mode part task health include_archived expunge startDate
   endDate period`.split(/\s+/),
)

/** A body whose other values are all right, with `id` where it names something. */
export type NamingBody = {
  method: string
  path: string
  member: string
  named: keyof Named
  body: (id: string, context: { now: Date }) => object
}

const APP = '/api/v1/app/:app_id'

export const BODY_IDS: readonly NamingBody[] = [
  {
    method: 'POST',
    path: `${APP}/cli-session`,
    member: 'endpointId',
    named: 'endpoint_id',
    body: (endpointId) => ({ device: 'x'.repeat(16), endpointId }),
  },
  {
    method: 'POST',
    path: `${APP}/cli-session/:cli_session_id/result`,
    member: 'eventId',
    named: 'msg_id',
    body: (eventId) => ({ eventId, responseStatusCode: 200, durationMs: 1 }),
  },
  {
    method: 'POST',
    path: `${APP}/login-link`,
    member: 'memberId',
    named: 'member_id',
    body: (memberId) => ({ memberId }),
  },
  {
    method: 'POST',
    path: `${APP}/population/change`,
    member: 'previewId',
    named: 'previewId',
    body: (previewId) => ({ previewId }),
  },
  {
    method: 'POST',
    path: `${APP}/replay`,
    member: 'previewId',
    named: 'replay_preview_id',
    body: (previewId) => ({ previewId }),
  },
  {
    method: 'POST',
    path: `${APP}/replay/preview`,
    member: 'endpointIds',
    named: 'endpoint_id',
    body: (id) => ({ kind: 'recover', endpointIds: [id] }),
  },
  {
    method: 'POST',
    path: `${APP}/replay/preview`,
    member: 'filter.endpoint',
    named: 'endpoint_id',
    body: (id) => ({ kind: 'recover', filter: { endpoint: [id] } }),
  },
  {
    method: 'POST',
    path: `${APP}/msg/bulk-expunge`,
    member: 'ids',
    named: 'msg_id',
    body: (id) => ({ ids: [id] }),
  },
  {
    method: 'POST',
    path: '/api/v1/stats/usage/app',
    member: 'appIds',
    named: 'app_id',
    body: (id, { now }) => ({ appIds: [id], since: now.toISOString(), until: now.toISOString() }),
  },
]

/** Members that look like ids and name nothing that is there before: names that the caller gives. */
export const GIVEN_IDS: ReadonlySet<string> = new Set([
  'POST /api/v1/app/:app_id/msg eventId',
  'POST /api/v1/app/:app_id/msg/batch messages.eventId',
  'POST /api/v1/auth/app-portal-access/:app_id sessionId',
  'POST /api/v1/auth/app/:app_id/expire-all sessionIds',
  'PUT /api/v1/app/:app_id/notification-rules channels.id',
  'POST /api/v1/app/:app_id/notification-rules/test channelId', // of these
])

const LOOKS_LIKE_ID = /(^|\.)(id|ids|endpoint|\w+Ids?)$/

/** @returns of each operation under `/api/v1` its query parameters, and the members of its body that look like ids */
export function inputsOf({ paths, components }: Document): Inputs[] {
  return Object.entries(paths)
    .filter(([path]) => path.startsWith('/api/v1/'))
    .flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, { parameters = [], requestBody }]) => ({
        method: method.toUpperCase(),
        path: asRoute(path),
        query: parameters.flatMap((one) => (one.in === 'query' && one.name ? [one.name] : [])),
        members: Object.values(requestBody?.content ?? {})
          .flatMap(({ schema = {} }) => membersOf(schema, components.schemas, []))
          .filter((member) => LOOKS_LIKE_ID.test(member)),
      })),
    )
}

/** `/app/{app_id}` as a route has it: `/app/:app_id`. */
export function asRoute(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1')
}

function membersOf(schema: Schema, schemas: Record<string, Schema>, seen: readonly string[], at = ''): string[] {
  if (schema.$ref) {
    const name = schema.$ref.split('/').at(-1) ?? ''
    return seen.includes(name) ? [] : membersOf(schemas[name] ?? {}, schemas, [...seen, name], at)
  }
  const inside = Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const path = at === '' ? name : `${at}.${name}`
    return [path, ...membersOf(member, schemas, seen, path)]
  })
  const others = [...(schema.items ? [schema.items] : []), ...(schema.anyOf ?? [])]
  return [...inside, ...others.flatMap((each) => membersOf(each, schemas, seen, at))]
}

/** Of one parameter, what is somebody else's or nobody's. All have to be answered alike. */
export function notOwn(named: keyof Named, others: Readonly<Record<string, Owner>>, unknown: Named) {
  return [
    ...Object.entries(others).map(([kind, owner]) => ({ kind, value: owner.named[named] })),
    { kind: 'unknown', value: unknown[named] },
  ]
}
