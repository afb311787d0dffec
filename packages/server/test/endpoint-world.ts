import { randomBytes } from 'node:crypto'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { pino } from 'pino'
import { createAccess } from '#src/accounts/access.ts'
import { checkMasterKey, DataKeys, sealingKey } from '#src/accounts/encryption.ts'
import { Environments, readEnvironment } from '#src/accounts/environments.ts'
import { type Account, type Capability, type Environment, type Principal, visibleTo } from '#src/accounts/principal.ts'
import { createAccount } from '#src/accounts/store.ts'
import { Idempotency } from '#src/adapters/http/idempotency.ts'
import { managementRoutes } from '#src/adapters/http/management.ts'
import { createHttp } from '#src/adapters/http/server.ts'
import { IdSource } from '#src/adapters/ids.ts'
import { withClient } from '#src/adapters/postgres/client.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError } from '#src/domain-error.ts'
import { type CheckTarget, registerEndpointRoutes } from '#src/endpoints/routes.ts'
import type { PlannedDelivery } from '#src/events/accept.ts'
import { registerEventTypeRoutes } from '#src/events/event-type-routes.ts'
import { seedEventTypes } from '#src/events/event-type-store.ts'
import { ManualClock } from './manual-clock.ts'
import { HELD_OPEN, type TestDatabase, testDatabase } from './postgres.ts'

/** What a test reads of an answer's body; only what the test names is looked at. */
// biome-ignore lint/suspicious/noExplicitAny: answers are what is tested, member by member
export type Json = any
export type Answer = { status: number; headers: Record<string, unknown>; text: string; body: Json }

/** How many answers had which status. */
export function tally(answers: readonly Answer[]): Record<number, number> {
  const counts: Record<number, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

const ALL_CAPABILITIES: readonly Capability[] = [
  'ViewBase',
  'ViewEndpointSecret',
  'ManageEndpointSecret',
  'ManageTransformations',
  'CreateAttempts',
  'ManageEndpoint',
]

/** The management API over a database of its own: everything real but the clock, the tokens and the address check. */
export class TestWorld {
  readonly database: TestDatabase
  readonly api: Database
  readonly worker: Database
  readonly owner: Database
  readonly clock = new ManualClock('2026-03-06T15:02:10.812Z')
  readonly ids = new IdSource(this.clock)
  readonly masterKey = sealingKey(randomBytes(32))
  readonly dataKeys = new DataKeys(this.masterKey)
  readonly http: FastifyInstance
  /** Deliveries and lanes handed to those who send, since the last `forget`. */
  planned: PlannedDelivery[] = []
  lanes: string[] = []
  checkTarget: CheckTarget = async (url) => {
    if (!url.startsWith('https://')) return { ok: false, reason: 'must be https' }
    return url.includes('10.0.0.1')
      ? { ok: false, reason: 'address not allowed' }
      : { ok: true, canonical: new URL(url).href }
  }
  readonly #principals = new Map<string, Principal>()

  private constructor(database: TestDatabase) {
    this.database = database
    this.api = database.open('api', { connectionsMax: 20 })
    this.worker = database.open('worker')
    this.owner = database.open('migrate')
    const { api, clock, ids, dataKeys } = this
    const access = createAccess(api, clock)
    const accountOf = async (principal: Principal, name: string) => await access.accountOf(principal, name)
    const authenticate = async (bearer: string | undefined) => {
      const principal = this.#principals.get(bearer ?? '')
      if (!principal) throw new DomainError('unauthenticated', 'No such token.')
      return principal
    }
    const idempotency = new Idempotency({ database: api, clock })
    const environments = new Environments(
      (name) => api.transaction({ settings: visibleTo(name) }, (tx) => readEnvironment(tx, name)),
      clock,
    )
    this.http = createHttp({ log: pino({ level: 'silent' }) })
    managementRoutes(this.http, { authenticate, accountOf }, (routes) => {
      registerEventTypeRoutes(routes, { api, clock, idempotency })
      registerEndpointRoutes(routes, {
        api,
        clock,
        ids,
        dataKeys,
        environments,
        idempotency,
        checkTarget: (url, environment) => this.checkTarget(url, environment),
        wake: {
          deliveries: (planned) => this.planned.push(...planned),
          lanes: (names) => this.lanes.push(...names.map((name) => name.endpointId)),
        },
      })
    })
  }

  static async start(): Promise<TestWorld> {
    const world = new TestWorld(await testDatabase())
    await world.worker.query`select make_partitions('2026-03-05'::date, '2026-03-08'::date)`
    await checkMasterKey(world.api, world.masterKey, world.clock.now())
    for (const environment of ['sandbox', 'production'] as const) {
      await world.within(environment, undefined, async (tx) => {
        await tx.query`
          insert into environment (name, id, created_at)
          values (${environment}, ${`org_${world.ids.next().ksuid}`}, ${world.clock.now()})`
        await seedEventTypes(tx, environment, world.clock.now())
      })
      world.#principals.set(environment, {
        kind: 'environment_key',
        tokenId: environment,
        environment,
        accountId: null,
      })
    }
    return world
  }

  async close(): Promise<void> {
    await this.http.close()
    await this.database.close()
  }

  forget(): void {
    this.planned = []
    this.lanes = []
  }

  async within<T>(
    environment: Environment,
    accountId: string | undefined,
    work: (tx: Queryable) => Promise<T>,
  ): Promise<T> {
    const settings = { ...HELD_OPEN.settings, ...visibleTo(environment, accountId) }
    return await this.api.transaction({ ...HELD_OPEN, settings }, work)
  }

  async account(options: { environment?: Environment; uid?: string; throttleRate?: number } = {}): Promise<Account> {
    const { environment = 'production', ...input } = options
    const parts = { clock: this.clock, ids: this.ids, dataKeys: this.dataKeys, preload: async () => {} }
    const account = await this.within(environment, undefined, (tx) =>
      createAccount(tx, parts, { environment, name: 'Northwind Agency', ...input }),
    )
    if (!account) throw new Error('the uid is taken')
    return account
  }

  /** An app token of the account. */
  token(
    account: Account,
    capabilities: readonly Capability[] = ALL_CAPABILITIES,
    featureFlags: readonly string[] = [],
  ): string {
    const token = `app-${this.#principals.size}`
    this.#principals.set(token, {
      kind: 'app',
      tokenId: token,
      environment: account.environment,
      accountId: account.id,
      clientId: null,
      scopes: new Set(),
      sessionId: null,
      portalSessionId: null,
      capabilities: new Set(capabilities),
      featureFlags: new Set(featureFlags),
    })
    return token
  }

  async setting(environment: Environment, settings: Record<string, unknown>): Promise<void> {
    await this.owner.query`update environment set settings = ${settings} where name = ${environment}`
    this.clock.advanceMs(2_000)
  }

  /** Until some statement waits for what another transaction holds. */
  async waitForLock(): Promise<void> {
    const options = { applicationName: 'test', statementTimeoutMs: 30_000, lockTimeoutMs: 30_000 }
    await withClient(this.database.superuserConnection, options, async (client) => {
      for (;;) {
        const { rows } = await client.query(
          `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        )
        if (rows.length > 0) return
      }
    })
  }

  /** One request; by default with the key of the production environment. */
  async call(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    options: CallOptions = {},
  ): Promise<Answer> {
    const { body, token = 'production', headers = {} } = options
    const request: InjectOptions = {
      method,
      url: `/api/v1${path}`,
      headers: { authorization: `Bearer ${token}`, ...headers },
    }
    if (body !== undefined) {
      request.payload = typeof body === 'string' ? body : JSON.stringify(body)
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
}

export type CallOptions = { body?: unknown; token?: string; headers?: Record<string, string> }
