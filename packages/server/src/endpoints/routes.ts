import { verifyingSecretOf } from '@producersync/webhooks/node'
import type { FastifyContextConfig, FastifyInstance, FastifyRequest } from 'fastify'
import type { DataKeys } from '#src/accounts/encryption.ts'
import type { EnvironmentSettings } from '#src/accounts/environment-settings.ts'
import type { Environments } from '#src/accounts/environments.ts'
import type { InternalAccounts } from '#src/accounts/internal-account.ts'
import type { Account, Capability, Environment } from '#src/accounts/principal.ts'
import type { Clock } from '#src/adapters/clock.ts'
import { recorded } from '#src/adapters/http/audit-note.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { type Idempotency, settingsOf } from '#src/adapters/http/idempotency.ts'
import { holds, insufficientAccess } from '#src/adapters/http/management.ts'
import { described } from '#src/adapters/http/operation.ts'
import { parsePage, toPage } from '#src/adapters/http/pages.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import { type IdSource, isId } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { type Fault, invalidInput, notFound } from '#src/domain-error.ts'
import type { PlannedDelivery } from '#src/events/accept.ts'
import { sightOf } from '#src/events/event-type-store.ts'
import { messageOut, storedOf } from '#src/events/message-out.ts'
import { endpointAnswer } from './answers.ts'
import {
  created,
  type EndpointFields,
  endpointPatchBody,
  exampleBody,
  headersBody,
  headersPatchBody,
  patched,
  replaced,
  rotateBody,
  toFields,
} from './body.ts'
import { ENDPOINT_ID_PREFIX, type Endpoint, type EndpointName, parseEndpointName } from './endpoint.ts'
import { sendExample } from './example.ts'
import { fault, refuseFaulty } from './faults.ts'
import { type Headers, headerFaults, mergeHeaders, showHeaders } from './headers.ts'
import { endpointOperations } from './operations.ts'
import { rotateSecret } from './rotate.ts'
import { changeEndpoint, changeHeaders, createEndpoint, deleteEndpoint, type SaveContext, type Saved } from './save.ts'
import { openHeaders, openSecret } from './sealed.ts'
import { GRACE_SECONDS_DEFAULT, newSecret, readSecret, SECRET_EXPECTED } from './signing-secret.ts'
import { listEndpoints, readEndpoint, readHeaders, readSecrets, uidTaken } from './store.ts'

/**
 * May requests go to this URL? By the address policy, and by what its name resolves to now; a name without an answer
 * passes.
 * @returns the URL as it is stored, or why not, in words that give away no address
 */
export type CheckTarget = (
  url: string,
  environment: Environment,
) => Promise<{ ok: true; canonical: string } | { ok: false; reason: string }>

export type EndpointParts = {
  api: Database
  clock: Clock
  ids: IdSource
  dataKeys: DataKeys
  environments: Pick<Environments, 'settings'>
  idempotency: Idempotency
  checkTarget: CheckTarget
  wake: {
    deliveries: (planned: readonly PlannedDelivery[]) => void
    lanes: (names: readonly { accountId: string; endpointId: string; shard: number }[]) => void
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The endpoint named by `:endpoint_id`, as it was when the request came; set by routes that need one. */
    endpoint: Endpoint
  }
}

/** Whose endpoints a set of routes is about, and how they are named. */
type Place = {
  path: string
  /** The account when the path names none: the environment's own, and its endpoints get operational webhooks. */
  owner: ((environment: Environment) => Promise<Account>) | null
}

/** Endpoints, their headers, secrets and examples. Source: webhook-api 8, rows of `A/endpoint` and `E`. */
export function registerEndpointRoutes(routes: FastifyInstance, parts: EndpointParts): void {
  routes.decorateRequest('endpoint')
  registerRoutes(routes, parts, { path: '/app/:app_id/endpoint', owner: null })
}

/**
 * Endpoints of the environment, for operational webhooks: no channels, no examples and no test requests, and types of their own.
 * Source: webhook-api 8, rows of `/operational-webhook/endpoint`; 11.
 */
export function registerOperationalRoutes(
  routes: FastifyInstance,
  { internal, ...parts }: EndpointParts & { internal: Pick<InternalAccounts, 'of'> },
): void {
  registerRoutes(routes, parts, {
    path: '/operational-webhook/endpoint',
    owner: (environment) => internal.of(environment),
  })
}

function registerRoutes(routes: FastifyInstance, parts: EndpointParts, { path, owner }: Place): void {
  const { api, clock, ids, dataKeys, environments, idempotency, checkTarget, wake } = parts
  const isOperational = owner !== null
  const operations = endpointOperations(isOperational)

  async function within<T>(request: FastifyRequest, work: (tx: Queryable) => Promise<T>): Promise<T> {
    return await api.transaction({ settings: settingsOf(request) }, work)
  }

  /**
   * Options of a route whose path names an endpoint, and who may call it.
   * @param mayBeNew  a uid that names nothing yet is let pass
   */
  function addressed(capability: Capability, { mayBeNew = false } = {}) {
    const find = async (request: FastifyRequest) => {
      if (owner) request.account = await owner(request.principal.environment)
      const name = endpointNameOf(request)
      const endpoint = name && (await within(request, (tx) => readEndpoint(tx, request.account.id, name)))
      if (endpoint) {
        request.endpoint = endpoint
        request.audit.say({ target: { kind: 'endpoint', id: endpoint.id } })
      }
      if (!endpoint && (!mayBeNew || !name || 'id' in name)) throw notFound()
    }
    return { config: { access: isOperational ? 'environment_key' : capability, find } } as const
  }

  /** Options of a route whose path names no endpoint. */
  function unaddressed(capability: Capability): { config: FastifyContextConfig } {
    if (!owner) return { config: { access: capability } }
    const find = async (request: FastifyRequest) => {
      request.account = await owner(request.principal.environment)
    }
    return { config: { access: 'environment_key', find } }
  }

  async function answer(request: FastifyRequest, endpoint: Endpoint) {
    return shown(endpoint, await environments.settings(request.principal.environment))
  }

  function shown(endpoint: Endpoint, settings: EnvironmentSettings) {
    const { channels, signatureCheck, ...rest } = endpointAnswer(endpoint, settings)
    return isOperational ? rest : { ...rest, channels, signatureCheck }
  }

  async function contextOf(request: FastifyRequest, faults: Fault[]): Promise<SaveContext> {
    const { account, principal } = request
    const settings = await environments.settings(principal.environment)
    const context = { account, settings, ids, clock, now: clock.now(), faults }
    if (!isOperational) return { ...context, sight: sightOf(principal) }
    return { ...context, sight: 'operational', settings: { ...settings, testRequestOnSave: false } }
  }

  /** @returns the URL to store; what is wrong with it is added to `faults` */
  async function checkUrl(request: FastifyRequest, url: string, faults: Fault[]): Promise<string> {
    const check = await checkTarget(url, request.principal.environment)
    if (check.ok) return check.canonical
    faults.push(fault('url', check.reason))
    return url
  }

  /** Saves an endpoint, with what changed by it in the audit. */
  async function saving(request: FastifyRequest, work: (tx: Queryable) => Promise<Saved>): Promise<Saved> {
    return await recorded(api, request, async (tx) => {
      const saved = await work(tx)
      note(request, saved)
      return saved
    })
  }

  function note(request: FastifyRequest, { before, endpoint }: Saved): void {
    const target = { kind: 'endpoint', id: endpoint.id }
    request.audit.say({ target, before, after: endpoint })
  }

  /** Lets those who send know of a committed change. */
  function tellOf({
    endpoint,
    planned = [],
    announced,
  }: Omit<Saved, 'created' | 'planned' | 'before'> & { planned?: PlannedDelivery[] }) {
    wake.lanes([{ accountId: endpoint.accountId, endpointId: endpoint.id, shard: endpoint.shard }, ...announced])
    if (planned.length > 0) wake.deliveries(planned)
  }

  const list = described(unaddressed('ViewBase'), operations.list)
  routes.get(path, list, async (request) => {
    const page = parsePage(queryOf(request, operations.list.query), { isKey: isEndpointId })
    const settings = await environments.settings(request.principal.environment)
    const endpoints = await within(request, (tx) => listEndpoints(tx, request.account.id, page))
    return toPage(
      page,
      endpoints,
      (endpoint) => shown(endpoint, settings),
      (endpoint) => endpoint.id,
    )
  })

  const create = described(unaddressed('ManageEndpoint'), operations.create)
  routes.post(path, create, async (request, reply) => {
    const body = bodyOf(request, operations.create.body)
    const { secret: givenSecret = null, headers: givenHeaders, ...rest } = body
    if (givenSecret !== null && !holds(request.principal, 'ManageEndpointSecret')) throw insufficientAccess()
    const fields = toFields(rest)
    const headers: Headers = new Map(Object.entries(givenHeaders ?? {}))
    const secret = givenSecret === null ? newSecret() : readSecret(givenSecret)
    const faults = headerFaults(headers)
    if (!secret) faults.push(fault('secret', SECRET_EXPECTED))
    const settings = created(await checkUrl(request, body.url, faults), fields)
    const context = await contextOf(request, faults)
    return await idempotency.run(request, reply, async (tx) => {
      const key = await dataKeys.read(tx, request.account.id)
      // a secret that cannot be read is among the faults, which refuse the whole
      const saved = await createEndpoint(tx, { settings, headers, secret: secret ?? newSecret() }, key, context)
      if (saved === 'uid_taken') throw uidTaken()
      note(request, saved)
      return { status: 201, answer: await answer(request, saved.endpoint), committed: () => tellOf(saved) }
    })
  })

  const get = described(addressed('ViewBase'), operations.get)
  routes.get(`${path}/:endpoint_id`, get, async (request) => {
    return await answer(request, request.endpoint)
  })

  const put = described(addressed('ManageEndpoint', { mayBeNew: true }), operations.put)
  routes.put(`${path}/:endpoint_id`, put, async (request, reply) => {
    const { endpoint: current }: { endpoint?: Endpoint } = request
    const before = current && (await answer(request, current))
    const body = bodyOf(request, operations.put.body, { readOnly: READ_ONLY, current: before })
    const fields = toFields(body)
    const faults: Fault[] = []
    const url = await checkUrl(request, body.url, faults)
    const context = await contextOf(request, faults)
    const saved = current
      ? await saving(request, (tx) =>
          changeEndpoint(tx, current.id, (before) => replaced(before, url, fields), context),
        )
      : await putByUid(request, url, fields, context)
    tellOf(saved)
    return await reply.code(saved.created && !isOperational ? 201 : 200).send(await answer(request, saved.endpoint))
  })

  /** The path named nothing: makes an endpoint of that uid, or replaces the one that another request has made meanwhile. */
  async function putByUid(
    request: FastifyRequest,
    url: string,
    fields: EndpointFields,
    context: SaveContext,
  ): Promise<Saved> {
    const name = endpointNameOf(request)
    if (!name || 'id' in name) throw notFound()
    const { uid } = name
    const differs = (fields.uid ?? uid) !== uid ? [fault('uid', 'must equal the uid in the path')] : []
    const faults = [...context.faults, ...differs]
    return await saving(request, async (tx) => {
      const key = await dataKeys.read(tx, request.account.id)
      const input = { settings: created(url, { ...fields, uid }), headers: new Map(), secret: newSecret() }
      const saved = await createEndpoint(tx, input, key, { ...context, faults })
      if (saved !== 'uid_taken') return saved
      const other = await readEndpoint(tx, request.account.id, name)
      if (!other) throw notFound()
      return await changeEndpoint(tx, other.id, (before) => replaced(before, url, fields), context)
    })
  }

  const remove = described(addressed('ManageEndpoint'), operations.remove)
  routes.delete(`${path}/:endpoint_id`, remove, async (request, reply) => {
    const { endpoint } = request
    request.audit.say({ before: endpoint })
    const announced = await recorded(api, request, (tx) => deleteEndpoint(tx, endpoint, parts))
    tellOf({ endpoint, announced })
    return await reply.code(204).send()
  })

  const getHeaders = described(addressed('ViewBase'), operations.getHeaders)
  routes.get(`${path}/:endpoint_id/headers`, getHeaders, async (request) => {
    const { accountId, id } = request.endpoint
    return await within(request, async (tx) => {
      const key = await dataKeys.read(tx, accountId)
      return showHeaders(openHeaders(key, request.endpoint, await readHeaders(tx, accountId, id)))
    })
  })

  async function saveHeaders(request: FastifyRequest, change: (current: Headers) => Headers): Promise<void> {
    request.audit.say({ withheld: ['headers'] })
    const announced = await recorded(api, request, async (tx) => {
      const key = await dataKeys.read(tx, request.account.id)
      return await changeHeaders(tx, request.endpoint, change, key, parts)
    })
    tellOf({ endpoint: request.endpoint, announced })
  }

  const setHeaders = described(addressed('ManageEndpoint'), operations.putHeaders)
  routes.put(`${path}/:endpoint_id/headers`, setHeaders, async (request, reply) => {
    const body = bodyOf(request, headersBody)
    const headers: Headers = new Map(Object.entries(body.headers))
    refuseFaulty(headerFaults(headers))
    await saveHeaders(request, () => headers)
    return await reply.code(204).send()
  })

  const getSecret = described(addressed('ViewEndpointSecret'), operations.getSecret)
  routes.get(`${path}/:endpoint_id/secret`, getSecret, async (request) => {
    const { accountId, id } = request.endpoint
    return await recorded(api, request, async (tx) => {
      const key = await dataKeys.read(tx, accountId)
      const [current] = await readSecrets(tx, accountId, id, clock.now())
      if (!current) throw notFound() // deleted a moment ago
      return { key: verifyingSecretOf(openSecret(key, request.endpoint, current.secret)) }
    })
  })

  const rotate = described(addressed('ManageEndpointSecret'), operations.rotateSecret)
  routes.post(`${path}/:endpoint_id/secret/rotate`, rotate, async (request, reply) => {
    const body = bodyOf(request, rotateBody)
    const given = typeof body.key === 'string' ? readSecret(body.key) : null
    if (given === undefined) throw invalidInput(fault('key', SECRET_EXPECTED))
    const graceSeconds = body.gracePeriodSeconds ?? GRACE_SECONDS_DEFAULT
    const { endpoint } = request
    return await idempotency.run(request, reply, async (tx) => {
      const key = await dataKeys.read(tx, endpoint.accountId)
      request.audit.say({ withheld: ['secret'], after: { gracePeriodSeconds: graceSeconds } })
      const announced = await rotateSecret(tx, endpoint, { given, graceSeconds }, { key, ids, clock })
      return { status: 204, committed: () => tellOf({ endpoint, announced }) }
    })
  })

  if (isOperational) return

  const patch = described(addressed('ManageEndpoint'), operations.patch)
  routes.patch(`${path}/:endpoint_id`, patch, async (request) => {
    const current = await answer(request, request.endpoint)
    const body = bodyOf(request, endpointPatchBody, { readOnly: READ_ONLY, current })
    const fields = toFields(body)
    const faults: Fault[] = []
    const url = body.url === undefined ? undefined : await checkUrl(request, body.url, faults)
    const context = await contextOf(request, faults)
    const saved = await saving(request, (tx) =>
      changeEndpoint(tx, request.endpoint.id, (before) => patched(before, url ?? before.url, fields), context),
    )
    tellOf(saved)
    return await answer(request, saved.endpoint)
  })

  const patchHeaders = described(addressed('ManageEndpoint'), operations.patchHeaders)
  routes.patch(`${path}/:endpoint_id/headers`, patchHeaders, async (request, reply) => {
    const { headers = {}, deleteHeaders = [] } = bodyOf(request, headersPatchBody)
    await saveHeaders(request, (current) => mergeHeaders(current, headers, deleteHeaders))
    return await reply.code(204).send()
  })

  const sendOne = described(addressed('CreateAttempts'), operations.sendExample)
  routes.post(`${path}/:endpoint_id/send-example`, sendOne, async (request, reply) => {
    const { eventType: type, exampleIndex: index = 0 } = bodyOf(request, exampleBody)
    const sight = sightOf(request.principal)
    return await idempotency.run(request, reply, async (tx) => {
      const { event, planned } = await sendExample(tx, request.endpoint, { type, index, sight }, { clock, ids })
      return {
        status: 202,
        answer: messageOut(storedOf(event), true),
        committed: () => wake.deliveries(planned),
      }
    })
  })
}

/** What a save does not set; whoever sends an answer back has them in it. */
const READ_ONLY = ['secret', 'signatureCheck']

function isEndpointId(text: string): boolean {
  return isId(text, ENDPOINT_ID_PREFIX)
}

function endpointNameOf({ params }: FastifyRequest): EndpointName | null {
  const text = typeof params === 'object' && params !== null && 'endpoint_id' in params ? params.endpoint_id : undefined
  return typeof text === 'string' ? parseEndpointName(text) : null
}
