import { randomBytes } from 'node:crypto'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { pino } from 'pino'
import { createAccess } from '#src/accounts/access.ts'
import type { Capability } from '#src/accounts/principal.ts'
import { Idempotency } from '#src/adapters/http/idempotency.ts'
import { managementRoutes } from '#src/adapters/http/management.ts'
import { createHttp } from '#src/adapters/http/server.ts'
import { IdSource } from '#src/adapters/ids.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { type ServiceOptions, type TestAccount, TestService } from '../../test/service.ts'
import { replayWorks } from './replay-work.ts'
import { registerDeliveryRoutes } from './routes.ts'
import { TaskRunner } from './tasks-runner.ts'
import { Waker } from './wake.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are what is tested, member by member
export type Json = any
export type Answer = { status: number; headers: Record<string, unknown>; text: string; body: Json }
export type CallOptions = { body?: unknown; token?: string; headers?: Record<string, string> }

const DOCS_URL = 'https://hooks.northwind.com'

/** The whole service with what this folder adds to it: real database, real sending, a clock that the test moves. */
export class DeliveryWorld {
  readonly service: TestService
  readonly http: FastifyInstance
  readonly tasks: TaskRunner
  /** Of the role that owns the schema and sees every row. */
  readonly owner: Database

  private constructor(service: TestService) {
    this.service = service
    const { clock, database } = service
    const api = database.open('api', { connectionsMax: 20 })
    const log = pino({ level: 'silent' })
    this.owner = database.open('migrate')
    const waker = new Waker({ database: database.open('worker'), worker: service.app.worker, log })
    const parts = { database: database.open('worker'), clock, works: replayWorks, wakeLanes: waker.lanes, log }
    this.tasks = new TaskRunner(parts)
    this.http = createHttp({ log })
    managementRoutes(this.http, createAccess(api, clock), (routes) => {
      registerDeliveryRoutes(routes, {
        api,
        clock,
        publicUrl: DOCS_URL,
        ids: new IdSource(clock),
        idempotency: new Idempotency({ database: api, clock }),
        wakeLanes: waker.lanes,
        wakeTasks: () => this.tasks.wake(),
      })
    })
  }

  static async start(options: ServiceOptions = {}): Promise<DeliveryWorld> {
    const world = new DeliveryWorld(await TestService.start(options))
    world.tasks.start()
    return world
  }

  async close(): Promise<void> {
    await this.tasks.close()
    await this.http.close()
    await this.service.close()
  }

  /** Calls an operation of this folder, by default with the key of the production environment. */
  async call(method: 'GET' | 'POST', path: string, options: CallOptions = {}): Promise<Answer> {
    const { body, token = this.service.keys.production, headers = {} } = options
    const request: InjectOptions = {
      method,
      url: `/api/v1${path}`,
      headers: { authorization: `Bearer ${token}`, ...headers },
    }
    if (body !== undefined) {
      request.payload = JSON.stringify(body)
      request.headers = { 'content-type': 'application/json', ...request.headers }
    }
    const response = await this.http.inject(request)
    const text = response.body
    return {
      status: response.statusCode,
      headers: response.headers,
      text,
      body: text === '' ? undefined : JSON.parse(text),
    }
  }

  /** The body of a GET that answers 200. */
  async get(path: string): Promise<Json> {
    const answer = await this.call('GET', path)
    if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${answer.text}`)
    return answer.body
  }

  /** All rows of a list, page by page to its end. */
  async all(path: string, limit = 250): Promise<Json[]> {
    const rows: Json[] = []
    for (let iterator = ''; ; ) {
      const page = await this.get(`${path}${path.includes('?') ? '&' : '?'}limit=${limit}${iterator}`)
      rows.push(...page.data)
      if (page.done) return rows
      iterator = `&iterator=${page.iterator}`
    }
  }

  /** An app token of the account with these capabilities. */
  async appToken(account: TestAccount, capabilities: readonly Capability[]): Promise<string> {
    const token = `appsk_${randomBytes(32).toString('base64url').replaceAll(/[-_]/g, '0')}`
    await this.owner.query`
      insert into token (hash, kind, id, environment, account_id, capabilities, created_at)
      values (sha256(${Buffer.from(token)}::bytea), 'app', ${token.slice(-20)}, ${account.environment}, ${account.id},
              ${capabilities}::text[], ${this.service.clock.now()})`
    return token
  }

  /** Nothing is under way, and nothing that is due can start: what is left waits for the clock. */
  async settled(): Promise<void> {
    do {
      await this.tasks.settled()
      await this.service.settled()
    } while (!this.tasks.isSettled)
  }

  /** Moves the clock from one due moment to the next, letting the work of each settle. */
  async advance(seconds: number): Promise<void> {
    const { clock } = this.service
    const until = new Date(clock.now().getTime() + seconds * 1000)
    await this.settled()
    for (let next = clock.nextAlarmAt; next && next <= until; next = clock.nextAlarmAt) {
      clock.advanceTo(next)
      await this.settled()
    }
    clock.advanceTo(until)
    await this.settled()
  }
}
