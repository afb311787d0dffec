import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Capability } from '#src/accounts/principal.ts'
import { settingsOf } from '#src/adapters/http/idempotency.ts'
import { pathValue } from '#src/adapters/http/routes.ts'
import { isId } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { ATTEMPT_ID_PREFIX } from '#src/delivery/delivery.ts'
import { notFound } from '#src/domain-error.ts'
import { type Endpoint, parseEndpointName } from '#src/endpoints/endpoint.ts'
import { readEndpoint } from '#src/endpoints/store.ts'
import { readEvent } from '#src/events/event-store.ts'
import type { StoredEvent } from '#src/events/message-out.ts'
import type { Attempt } from './attempt.ts'
import { readAttempt } from './store.ts'

/** What the path of a request names. */
type Addressed = { event?: StoredEvent; endpoint?: Endpoint; attempt?: Attempt }

declare module 'fastify' {
  interface FastifyRequest {
    addressed: Addressed
  }
}

export function decorateAddressed(routes: FastifyInstance): void {
  routes.decorateRequest('addressed')
}

/**
 * Options of a route whose path names an event, an endpoint, an attempt of the event, or several of them (`eventOf`,
 * `endpointOf`, `attemptOf`), and who may call it: `routes.post(path, addressing(api, 'CreateAttempts'), handler)`.
 */
export function addressing(api: Database, access: Capability | 'environment_key') {
  const find = async (request: FastifyRequest) => {
    const accountId = request.account.id
    const eventName = pathValue(request, 'msg_id')
    const endpointName = pathValue(request, 'endpoint_id')
    const attemptId = pathValue(request, 'attempt_id')
    request.addressed = await api.transaction({ settings: settingsOf(request), readOnly: true }, async (tx) => {
      const event = eventName === undefined ? undefined : await readEvent(tx, accountId, eventName)
      return {
        ...(event && { event }),
        ...(endpointName === undefined ? {} : { endpoint: await findEndpoint(tx, accountId, endpointName) }),
        ...(event && attemptId !== undefined ? { attempt: await findAttempt(tx, accountId, event, attemptId) } : {}),
      }
    })
    const { endpoint, event } = request.addressed
    if (endpoint) request.audit.say({ target: { kind: 'endpoint', id: endpoint.id } })
    else if (event) request.audit.say({ target: { kind: 'msg', id: event.id } })
  }
  return { config: { access, find } } as const
}

/** @throws DomainError not_found, also for a text that can name none */
export async function findEndpoint(tx: Queryable, accountId: string, text: string): Promise<Endpoint> {
  const name = parseEndpointName(text)
  const endpoint = name && (await readEndpoint(tx, accountId, name))
  if (!endpoint) throw notFound()
  return endpoint
}

async function findAttempt(tx: Queryable, accountId: string, event: StoredEvent, id: string): Promise<Attempt> {
  const attempt = isId(id, ATTEMPT_ID_PREFIX) ? await readAttempt(tx, accountId, event.id, id) : undefined
  if (!attempt) throw notFound()
  return attempt
}

/** The event of a route whose path names one. */
export function eventOf({ addressed: { event } }: FastifyRequest): StoredEvent {
  if (!event) throw new Error('the path of this route names no event')
  return event
}

/** The endpoint of a route whose path names one. */
export function endpointOf({ addressed: { endpoint } }: FastifyRequest): Endpoint {
  if (!endpoint) throw new Error('the path of this route names no endpoint')
  return endpoint
}

/** The attempt of a route whose path names one. */
export function attemptOf({ addressed: { attempt } }: FastifyRequest): Attempt {
  if (!attempt) throw new Error('the path of this route names no attempt')
  return attempt
}
