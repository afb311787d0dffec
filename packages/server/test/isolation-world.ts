import type { FastifyInstance, RouteOptions } from 'fastify'
import { vi } from 'vitest'
import type { Access } from '#src/adapters/http/request.ts'
import type { TestAccount } from './api-client.ts'
import { asRoute, type Document, type Owner } from './isolation-named.ts'
import { type Receiver, startReceiver } from './receiver.ts'
import { TestService } from './service.ts'

/** A route as it was registered. */
export type Route = {
  method: string
  path: string
  parameters: string[]
  access: Access | undefined
  notImplemented: boolean
  mayBeNew: boolean
}

/** A service that knows its own routes and its description, and accounts to be kept apart. */
export class IsolationWorld {
  readonly service: TestService
  /** As they were registered. */
  readonly routes: Route[]
  readonly document: Document
  /** The operations of the description, and HEAD of each GET; who may call them, and what their paths name, as it says. */
  readonly described: readonly Route[]
  readonly #receiver: Receiver
  #npn = 700_000_000

  private constructor(service: TestService, routes: Route[], document: Document, receiver: Receiver) {
    this.service = service
    this.routes = routes
    this.document = document
    this.described = describedRoutes(document, routes)
    this.#receiver = receiver
  }

  static async start(): Promise<IsolationWorld> {
    const routes: Route[] = []
    const receiver = await startReceiver()
    const watch = (http: FastifyInstance) => {
      http.addHook('onRoute', (route) => void routes.push(...toRoutes(route)))
    }
    const service = await TestService.start({ receivers: [receiver], overrides: { watch } })
    for (const key of Object.values(service.keys)) {
      for (const name of ['known.happened', 'removed.happened']) {
        await service.ok('POST', '/api/v1/event-type', { name, description: name }, { token: key })
      }
      await service.ok('POST', '/api/v1/event-type', HIDDEN, { token: key })
      await service.ok('DELETE', '/api/v1/event-type/removed.happened?expunge=true', undefined, { token: key })
    }
    return new IsolationWorld(service, routes, await service.ok('GET', '/openapi.json'), receiver)
  }

  async close(): Promise<void> {
    await this.service.close()
    await this.#receiver.close()
  }

  /** @param canary  letters and digits that stand in everything that the account owns */
  async owner(canary: string, environment: TestAccount['environment'] = 'production'): Promise<Owner> {
    const { service } = this
    const key = { token: service.keys[environment] }
    const app = await service.ok('POST', '/api/v1/app', { name: canary, uid: canary, metadata: { canary } }, key)
    const account = { id: app.id, environment, key: key.token }
    const path = `/api/v1/app/${app.id}`
    const settings = {
      description: canary,
      uid: `ep-${canary}`,
      headers: { 'x-canary': canary },
      eventTypes: ['known.happened'],
      retrySchedule: [],
    }
    const endpoint = await service.endpoint(account, this.#receiver, settings)
    const event = { eventType: 'known.happened', eventId: `event-${canary}`, payload: { canary }, tags: [canary] }
    const message = await service.message(account, event)
    await service.settled()
    const [attempt] = await service.attempts(account, message.id)
    this.#receiver.answer(500)
    await service.message(account, { eventType: 'known.happened', payload: { canary } })
    await service.settled()
    this.#receiver.answer(200)
    const issues = await service.ok('GET', `${path}/issue`, undefined, key)
    const since = service.clock.now().toISOString()
    const task = await service.ok('POST', `${path}/endpoint/${endpoint.id}/recover`, { since }, key)
    const client = { token: await service.token(account) }
    this.#npn += 1
    const npn = String(this.#npn) // nobody else's
    const job = await service.ok('PUT', '/v1/accounts/subscriptions', ['15645555', npn], client)
    await vi.waitFor(() => service.ok('GET', `${path}/population/${npn}`, undefined, key), { timeout: 60_000 })
    const replay = { kind: 'recover', endpointIds: [endpoint.id] }
    const { previewId } = await service.ok('POST', `${path}/replay/preview`, replay, key)
    const preview = await service.ok('POST', `${path}/population/preview?mode=add`, [npn], key)
    const member = await service.ok('POST', `${path}/member`, { person: canary, role: 'admin' }, key)
    const link = await service.ok('POST', `${path}/login-link`, { memberId: member.id }, key)
    const { key: program } = await service.ok('POST', `${path}/key`, { kind: 'client', name: canary }, key)
    const { data: secrets } = await service.ok('GET', `${path}/endpoint/${endpoint.id}/secret/list`, undefined, key)
    const logo = { contentType: 'image/png', data: PNG }
    await service.ok('PUT', `${path}/settings/logo`, logo, key)
    const { id: listener } = await service.ok('POST', `${path}/cli-session`, { device: canary.padEnd(16, '-') }, key)
    const named = {
      app_id: app.id,
      endpoint_id: endpoint.id,
      msg_id: message.id,
      attempt_id: attempt.id,
      task_id: task.id,
      replay_id: task.id,
      issue_id: issues.data[0].id,
      event_type_name: 'known.happened',
      jobId: job.job_id,
      previewId: preview.id,
      npn,
      runDate: service.clock.now().toISOString().slice(0, 10),
      member_id: member.id,
      key_id: program.id,
      key_secret_id: program.secrets[0].id,
      secret_id: secrets[0].id,
      link_id: link.id,
      cli_session_id: listener,
      replay_preview_id: previewId,
    }
    await service.settled()
    return { account, named, canary, token: await this.appToken(account, {}) }
  }

  /** An app token as app-portal-access gives it. */
  async appToken(account: TestAccount, body: object): Promise<string> {
    const path = `/api/v1/auth/app-portal-access/${account.id}`
    const { token } = await this.service.ok('POST', path, body, { token: account.key })
    return token
  }
}

/** What every PNG begins with. */
const PNG = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1').toString('base64')

/** A type that no app token without its flag knows of. */
const HIDDEN = { name: 'hidden.happened', description: 'x', featureFlags: ['hidden'] }

function toRoutes({ method, url, config }: RouteOptions): Route[] {
  return [method].flat().map((each) => ({
    method: each,
    path: url,
    parameters: [...url.matchAll(/:(\w+)/g)].map(([, name = '']) => name),
    access: config?.access,
    notImplemented: config?.notImplemented ?? false,
    mayBeNew: each === 'PUT' || (config?.accountMayBeMissing ?? false),
  }))
}

function describedRoutes({ paths }: Document, registered: readonly Route[]): Route[] {
  const mayMake = registered.filter(({ mayBeNew }) => mayBeNew).map(({ method, path }) => `${method} ${path}`)
  return Object.entries(paths).flatMap(([described, operations]) =>
    Object.entries(operations).flatMap(([name, operation]) => {
      const [method, path] = [name.toUpperCase(), asRoute(described)]
      const parameters = (operation.parameters ?? []).flatMap(({ in: place, name: called }) =>
        place === 'path' && called ? [called] : [],
      )
      const access = (operation['x-access'] ?? 'none') as Access
      return (method === 'GET' ? ['GET', 'HEAD'] : [method]).map((each) => ({
        ...{ method: each, path, parameters, access, notImplemented: false },
        mayBeNew: mayMake.includes(`${each} ${path}`),
      }))
    }),
  )
}

/** The path of a route with these values; a parameter without one gets a word that names nothing. */
export function fill(path: string, values: Readonly<Record<string, string>>): string {
  return path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(values[name] ?? 'nothing'))
}
