import { STATUS_CODES } from 'node:http'
import type { FastifyContextConfig, FastifyInstance } from 'fastify'
import Type, { type TSchema } from 'typebox'
import { Components } from './openapi-components.ts'
import { FAMILIES, type FamilyRules, type Refusal } from './openapi-families.ts'
import type { Operation } from './operation.ts'

/** A route as it was added. */
export type AddedRoute = { method: string; url: string; config: FastifyContextConfig }

/** An event that the service sends: the schema of its body, with a title (its type) and examples. */
export type DescribedEvent = { name: string; description: string; schema: object }

type DescribedRoute = {
  method: string
  url: string
  rules: FamilyRules
  config: FastifyContextConfig
  operation: Operation
}

/** A document of OpenAPI 3.1, as far as its readers here know it. */
export type OpenApi = {
  openapi: string
  info: object
  paths: Record<string, Record<string, object>>
  webhooks: Record<string, object>
  components: Record<string, Record<string, object>>
  [field: string]: unknown
}

const DESCRIPTION = `Monitored producers, and signed webhooks the moment something about them changes.

The management API (\`/api/v1\`) is compatible with the Svix v1 HTTP API: the official Svix SDKs work with it unchanged. The
ProducerSync API (\`/v1\`, \`/v2\`) is the monitored population and its data. Every path may end with a slash. Every GET also
answers HEAD. Beside the answers listed, a request that HTTP itself does not allow is refused with 408, 417 or 431, and
a path with another method with 405. What the operator's staff change inside an account says why, in the header \`x-staff-reason\`
(percent-encoded UTF-8, 1 to 500 characters); without it they are refused with 422.`

/** Every route that is added from now on, in order, `HEAD` and `OPTIONS` left out. */
export function collectRoutes(http: FastifyInstance): readonly AddedRoute[] {
  const routes: AddedRoute[] = []
  http.addHook('onRoute', (route) => {
    const { url } = route
    for (const method of [route.method].flat()) {
      if (method === 'HEAD' || method === 'OPTIONS') continue
      // read when it is asked for: a family adds to it after this
      routes.push({
        method,
        url,
        get config() {
          return route.config ?? {}
        },
      })
    }
  })
  return routes
}

/** What an operation does, in words, by its id; the id itself for one that is none of these routes'. */
export function summaryIn(routes: readonly AddedRoute[]): (operationId: string) => string {
  let summaries: Map<string, string> | undefined
  return (operationId) => {
    summaries ??= new Map(
      routes.flatMap(({ config: { operation } }) => (operation ? [[operation.id, operation.summary] as const] : [])),
    )
    return summaries.get(operationId) ?? operationId
  }
}

/**
 * The description of these routes. Same routes, same document: paths are sorted.
 * @throws an error that names each route of a family that does not describe itself, and what is described in two ways
 */
export function openApiOf(
  routes: readonly AddedRoute[],
  { version, events }: { version: string; events: readonly DescribedEvent[] },
): OpenApi {
  const components = new Components()
  const paths: OpenApi['paths'] = {}
  const ids = new Set<string>()
  for (const route of toDescribed(routes)) {
    const { id } = route.operation
    if (ids.has(id)) throw new Error(`two operations have the id ${id}`)
    ids.add(id)
    const path = route.url.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, components) }
  }
  const webhooks = Object.fromEntries(events.map((event) => [event.name, webhookOf(event, components)]))
  return {
    openapi: '3.1.0',
    info: {
      title: 'ProducerSync',
      version,
      summary: 'Monitored producers and webhooks',
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    webhooks,
    components: { securitySchemes: SECURITY_SCHEMES, ...components.all() },
  }
}

/** `GET /openapi.json`, open to all, also to pages of other origins. */
export function serveDescription(http: FastifyInstance, document: () => OpenApi): void {
  let text: string | undefined
  http.get('/openapi.json', (_request, reply) => {
    text ??= textOf(document())
    return reply.type('application/json').header('access-control-allow-origin', '*').send(text)
  })
}

/** As it is served and kept. */
function textOf(document: OpenApi): string {
  return `${JSON.stringify(document, null, 2)}\n`
}

const SECURITY_SCHEMES = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'An environment key, an app token or an OAuth2 access token.',
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-psapi',
    description: 'Set by signing in. Requests must come from the same origin.',
  },
  client: { type: 'http', scheme: 'basic', description: 'Client id and secret; or both in the form.' },
}
const PATH_VALUE = Type.String({
  minLength: 1,
  maxLength: 256,
  description: 'Its id, or its uid or name where it has one.',
})

function toDescribed(routes: readonly AddedRoute[]): DescribedRoute[] {
  const described: DescribedRoute[] = []
  const silent: string[] = []
  for (const { method, url, config } of routes) {
    const { family, operation, notImplemented } = config
    if (family === undefined || notImplemented) continue
    if (operation) described.push({ method, url, rules: FAMILIES[family], config, operation })
    else silent.push(`${method} ${url}`)
  }
  if (silent.length > 0) throw new Error(`not described (docs/decisions/0016): ${silent.join(', ')}`)
  return described.sort((one, other) => (key(one) < key(other) ? -1 : 1))
}

function key({ method, url }: DescribedRoute): string {
  return `${url} ${method}`
}

function tagOf(id: string): string {
  return id.split('.').at(-2) ?? id
}

function operationOf(route: DescribedRoute, components: Components): object {
  const { operation, rules, config } = route
  const isOpen = config.access === 'none'
  return {
    operationId: operation.id,
    summary: operation.summary,
    ...(operation.description === undefined ? {} : { description: operation.description }),
    tags: [tagOf(operation.id)],
    security: isOpen ? [] : rules.security,
    ...(config.access === undefined || isOpen ? {} : { 'x-access': config.access }),
    parameters: parametersOf(route, components),
    ...requestBodyOf(operation, rules, components),
    responses: responsesOf(route, components),
  }
}

function parametersOf({ method, url, operation, rules }: DescribedRoute, components: Components): object[] {
  const inPath = [...url.matchAll(/:(\w+)/g)].map(([, name = '']) => ({
    in: 'path',
    name,
    required: true,
    schema: components.schema(operation.path?.[name] ?? PATH_VALUE),
  }))
  const { properties = {}, required = [] }: { properties?: Record<string, TSchema>; required?: readonly string[] } =
    operation.query ?? {}
  const inQuery = Object.entries(properties).map(([name, schema]) => ({
    in: 'query',
    name,
    required: required.includes(name),
    schema: components.schema(schema),
    ...('items' in schema ? { style: 'form', explode: false } : {}),
  }))
  const inHeader = rules.requestHeaders(method).map((name) => components.parameter(name))
  return [...inPath, ...inQuery, ...inHeader]
}

function requestBodyOf({ body, bodies }: Operation, rules: FamilyRules, components: Components): object {
  if (bodies) {
    const content = Object.entries(bodies).map(([type, schema]) => [type, { schema: components.schema(schema) }])
    return { requestBody: { required: true, content: Object.fromEntries(content) } }
  }
  if (!body) return {}
  const { required }: { required?: unknown } = body
  const isNeeded = !rules.mayBeEmpty || (Array.isArray(required) && required.length > 0)
  return {
    requestBody: { required: isNeeded, content: { [rules.requestType]: { schema: components.schema(body) } } },
  }
}

function responsesOf({ method, url, operation, rules, config }: DescribedRoute, components: Components): object {
  const responses: Record<string, object> = {}
  const types = [operation.answerType ?? rules.answerType(method)].flat()
  for (const [status, schema] of Object.entries(operation.answers)) {
    responses[status] = {
      description: STATUS_CODES[status] ?? status,
      headers: components.headers(rules.answerHeaders(method)),
      ...(schema
        ? { content: Object.fromEntries(types.map((type) => [type, { schema: components.schema(schema) }])) }
        : {}),
      ...(operation.stream ? { content: streamOf(operation.stream, components) } : {}),
    }
  }
  const refusals = rules.refusals({ method, url, operation, isOpen: config.access === 'none' })
  for (const refusal of refusals)
    responses[refusal.status] = components.response(nameOf(refusal), () => toResponse(refusal, components))
  return responses
}

/** A stream is one text, and what is in it its messages. */
function streamOf(messages: NonNullable<Operation['stream']>, components: Components): object {
  const contentMediaType = 'text/event-stream'
  const oneOf = Object.entries(messages).map(([event, data]) => ({
    type: 'object',
    properties: { event: { const: event }, data: components.schema(data) },
    required: ['event', 'data'],
  }))
  return { [contentMediaType]: { schema: { type: 'string', contentMediaType, contentSchema: { oneOf } } } }
}

function nameOf({ family, status, codes }: Refusal): string {
  return [family, status, ...codes].join('.').replaceAll(' ', '_')
}

function toResponse({ status, codes, headers, schema }: Refusal, components: Components): object {
  const words = codes.map((code) => `\`${code}\``).join(', ')
  return {
    description: words === '' ? (STATUS_CODES[status] ?? '') : `${STATUS_CODES[status]}: ${words}`,
    headers: components.headers(headers),
    content: { 'application/json': { schema: components.schema(schema) } },
  }
}

function webhookOf({ name, description, schema }: DescribedEvent, components: Components): object {
  return {
    post: {
      operationId: name,
      summary: name,
      description,
      tags: ['webhooks'],
      security: [],
      parameters: ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((header) =>
        components.parameter(header),
      ),
      requestBody: { required: true, content: { 'application/json': { schema: components.schema(schema) } } },
      responses: { '2XX': { description: 'Received. Any other answer is repeated later.' } },
    },
  }
}
