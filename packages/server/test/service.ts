import { randomBytes } from 'node:crypto'
import { Writable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import pino from 'pino'
import { createClient } from '#src/accounts/clients.ts'
import { sealingKey } from '#src/accounts/encryption.ts'
import { type Environment, type Scope, visibleTo } from '#src/accounts/principal.ts'
import { createKey } from '#src/accounts/tokens.ts'
import { IdSource } from '#src/adapters/ids.ts'
import type { Connection } from '#src/adapters/postgres/database.ts'
import { type App, createApp } from '#src/app.ts'
import { loadConfig } from '#src/config.ts'
import type { Pages } from '#src/portal/built-pages.ts'
import type { Overrides } from '#src/wiring/base.ts'
import { ApiClient, type TestAccount } from './api-client.ts'
import { ManualClock } from './manual-clock.ts'
import { PATIENCE, PATIENT_LEASES } from './patience.ts'
import { type TestDatabase, testDatabase } from './postgres.ts'
import type { Receiver } from './receiver.ts'
import { WatchedAnswers } from './watched-answers.ts'
import { WatchedWrites } from './watched-writes.ts'

export type { Answer, TestAccount } from './api-client.ts'

export type ServiceOptions = {
  clock?: ManualClock
  receivers?: readonly Pick<Receiver, 'address'>[]
  environment?: Record<string, string>
  overrides?: Overrides
  /** Another process on the same database. */
  beside?: TestService
  /** Made by the test, and closed with the service; else the service has one of its own. */
  database?: TestDatabase
  /** How the service reaches its database; as the test does when absent. */
  connection?: Connection
}

/** Tests that want pages bring some: building them is the business of few. */
const NO_PAGES: Pages = { status: 200, index: '', files: new Map() }

/** The whole service in this process, on a real PostgreSQL, spoken to over HTTP. Only the clock is a test's own. */
export class TestService extends ApiClient {
  readonly app: App
  readonly clock: ManualClock
  readonly database: TestDatabase
  readonly masterKey: Buffer
  readonly logLines: string[]
  readonly keys: Record<Environment, string>
  readonly #beside: TestService | undefined
  readonly #answers: WatchedAnswers
  readonly #writes: WatchedWrites

  private constructor(parts: {
    app: App
    clock: ManualClock
    database: TestDatabase
    masterKey: Buffer
    logLines: string[]
    keys: Record<Environment, string>
    beside: TestService | undefined
    answers: WatchedAnswers
    writes: WatchedWrites
  }) {
    super()
    this.app = parts.app
    this.clock = parts.clock
    this.database = parts.database
    this.masterKey = parts.masterKey
    this.logLines = parts.logLines
    this.keys = parts.keys
    this.#beside = parts.beside
    this.#answers = parts.answers
    this.#writes = parts.writes
  }

  static async start(options: ServiceOptions = {}): Promise<TestService> {
    const { beside } = options
    const database = beside?.database ?? options.database ?? (await testDatabase())
    const clock = options.clock ?? beside?.clock ?? new ManualClock('2026-03-06T15:00:00.000Z')
    const masterKey = beside?.masterKey ?? randomBytes(32)
    const logLines: string[] = []
    const log = pino(
      { level: 'debug', base: null },
      new Writable({
        write(line: Buffer, _encoding, done) {
          logLines.push(line.toString())
          done()
        },
      }),
    )
    const config = loadConfig({
      PORT: '0',
      ADMIN_PORT: '0',
      LOOPBACK_RECEIVERS: (options.receivers ?? []).map((receiver) => receiver.address).join(','),
      ...options.environment,
    })
    const answers = new WatchedAnswers()
    const writes = new WatchedWrites()
    const overrides = {
      clock,
      random: () => 0.5,
      leaseTimes: PATIENT_LEASES,
      patience: PATIENCE,
      connectFeed: async () => null, // a test that wants feeds asks for them: `connectFeed: undefined`
      durabilityUnchecked: true,
      pages: NO_PAGES,
      docs: () => ({ state: 'building' }) as const,
      ...options.overrides,
      watch: (http: FastifyInstance) => {
        answers.watch(http)
        writes.watch(http)
        options.overrides?.watch?.(http)
      },
    }
    const app = await createApp(
      config,
      options.connection ?? database.connection,
      sealingKey(masterKey),
      log,
      overrides,
    )
    const keys = beside?.keys ?? {
      sandbox: await makeKey(database, clock, 'sandbox'),
      production: await makeKey(database, clock, 'production'),
    }
    return new TestService({ app, clock, database, masterKey, logLines, keys, beside, answers, writes })
  }

  get url(): string {
    if (this.app.url === null) throw new Error('this process has no API')
    return this.app.url
  }

  /** @throws an error when an answer was not as openapi.json describes it, or a write not as the audit has it */
  async close(): Promise<void> {
    await this.app.close()
    await this.#writes.check(this.database)
    if (!this.#beside) await this.database.close()
    this.#answers.check()
  }

  /** An access token of a new client of the account. */
  async token(account: TestAccount, scopes?: readonly Scope[]): Promise<string> {
    const parts = { clock: this.clock, ids: new IdSource(this.clock) }
    const settings = visibleTo(account.environment, account.id)
    const { clientId, secret } = await this.database
      .open('api')
      .transaction({ settings }, (tx) =>
        createClient(tx, parts, account, { name: 'test', ...(scopes ? { scopes } : {}) }),
      )
    const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, client_secret: secret })
    const response = await fetch(`${this.url}/oauth2/token`, { method: 'POST', body: form })
    const granted: unknown = await response.json()
    if (typeof granted === 'object' && granted !== null && 'access_token' in granted)
      return String(granted.access_token)
    throw new Error(`no token: ${response.status}`)
  }

  /** Makes an endpoint for the receiver, which trusts its secret from then on; the test request has been answered. */
  // biome-ignore lint/suspicious/noExplicitAny: the endpoint as answered
  async endpoint(account: TestAccount, receiver: Receiver, settings: object = {}): Promise<any> {
    const path = `/api/v1/app/${account.id}/endpoint`
    const seen = receiver.requests.length
    const endpoint = await this.ok('POST', path, { url: receiver.url, ...settings }, { token: account.key })
    const { key } = await this.ok('GET', `${path}/${endpoint.id}/secret`, undefined, { token: account.key })
    receiver.trust(key)
    await this.settled()
    // or another process sends it, whenever that hears of it
    if (!this.app.worker && this.#beside?.app.worker) await receiver.received(seen + 1)
    return endpoint
  }

  /** Nothing is under way, and nothing that is due can start: what is left waits for the clock. */
  async settled(): Promise<void> {
    await this.app.housekeeping.settled()
    await this.app.tallies?.settled()
    await this.app.loads?.settled()
    await this.app.runs?.settled()
    await this.app.tasks?.settled()
    await this.app.worker?.settled()
  }

  /** Moves the clock to the next alarm where that is as near: for work that waits in short steps, however slow the machine is. */
  passWait(msMax: number): void {
    const next = this.clock.nextAlarmAt
    if (next && next.getTime() - this.clock.now().getTime() <= msMax) this.clock.advanceTo(next)
  }

  /** Moves the clock from one due moment to the next, letting the work of each settle. */
  async advance(by: { days?: number; hours?: number; minutes?: number; seconds?: number }): Promise<void> {
    const seconds = (by.seconds ?? 0) + 60 * (by.minutes ?? 0) + 3_600 * (by.hours ?? 0) + 86_400 * (by.days ?? 0)
    const until = new Date(this.clock.now().getTime() + seconds * 1000)
    await this.settled()
    for (let next = this.clock.nextAlarmAt; next && next <= until; next = this.clock.nextAlarmAt) {
      this.clock.advanceTo(next)
      await this.settled()
    }
    this.clock.advanceTo(until)
    await this.settled()
  }
}

async function makeKey(database: TestDatabase, clock: ManualClock, environment: Environment): Promise<string> {
  const parts = { clock, ids: new IdSource(clock) }
  const { key } = await database
    .open('api')
    .transaction({ settings: visibleTo(environment) }, (tx) => createKey(tx, parts, { environment, name: 'test' }))
  return key
}
