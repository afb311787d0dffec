import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { type Environment, visibleTo } from '#src/accounts/principal.ts'
import { createKey } from '#src/accounts/tokens.ts'
import { DatabaseClock } from '#src/adapters/clock.ts'
import { IdSource } from '#src/adapters/ids.ts'
import { type Connection, Database } from '#src/adapters/postgres/database.ts'
import { connectionToRunning, type EmbeddedPostgres, startEmbeddedPostgres } from '#src/adapters/postgres/embedded.ts'
import type { FailpointName } from '#src/delivery/failpoint.ts'
import type { LeaseTimes } from '#src/delivery/ownership.ts'
import { ApiClient, bodyOf, type CallOptions, type TestAccount } from './api-client.ts'
import { testDatabase } from './postgres.ts'
import type { Receiver } from './receiver.ts'
import { temporaryFolder } from './temporary-folder.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const KILLABLE = fileURLToPath(new URL('./killable-service.ts', import.meta.url))

export type Exit = { code: number | null; signal: NodeJS.Signals | null }

/** One line of a process's log. */
export type LogLine = { event?: string; url?: string | null; adminUrl?: string; [field: string]: unknown }

/** What `killable-service.ts` is told, as JSON in its only argument. */
export type KillableOrders = {
  connection: Connection
  masterKey: string // Base64
  environment: Record<string, string>
  leaseTimes?: LeaseTimes
  /** The process kills itself when it reaches this place for the n-th time (1, 2, …). */
  killAt?: { failpoint: FailpointName; time: number }
}

/** Each takes its time: this is a minute at least. */
const REFUSALS_MAX = 40

type Started = { url: string | null; adminUrl: string }

/** The service as a process of its own: ended, killed, frozen from outside. Its clock is the real one. */
export class ServiceProcess extends ApiClient {
  readonly #child: ChildProcess
  readonly #started: Started
  /** Environment keys. */
  readonly keys: Record<Environment, string>
  readonly log: LogLine[]
  readonly exited: Promise<Exit>

  private constructor(child: ChildProcess, started: Started, run: Run, keys: Record<Environment, string>) {
    super()
    this.#child = child
    this.#started = started
    this.log = run.log
    this.exited = run.exited
    this.keys = keys
  }

  /** The product's own entry point. Of a process with a database of its own the keys are made on the way. */
  static async main(home: ServiceHome, options: MainOptions = {}): Promise<ServiceProcess> {
    const { receivers = [], environment = {} } = options
    const run = launch([MAIN], {
      ...home.environment,
      PORT: '0',
      ADMIN_PORT: '0',
      LOOPBACK_RECEIVERS: receivers.map(({ address }) => address).join(','),
      ...environment,
    })
    const started = await run.started
    return new ServiceProcess(run.child, started, run, await home.keys())
  }

  /** `createApp` on a database of the test run, which may be told to kill itself. */
  static async killable(home: ServiceHome, options: KillableOptions = {}): Promise<ServiceProcess> {
    const { receivers = [], environment = {}, ...rest } = options
    const orders: KillableOrders = {
      connection: home.connection,
      masterKey: home.masterKey.toString('base64'),
      environment: { LOOPBACK_RECEIVERS: receivers.map(({ address }) => address).join(','), ...environment },
      ...rest,
    }
    const run = launch([KILLABLE, JSON.stringify(orders)], {})
    const started = await run.started
    return new ServiceProcess(run.child, started, run, await home.keys())
  }

  get url(): string {
    if (this.#started.url === null) throw new Error('this process has no API')
    return this.#started.url
  }

  get adminUrl(): string {
    return this.#started.adminUrl
  }

  /** As a client does it: what a service that has no time at the moment has refused is asked again, by the same key. */
  // biome-ignore lint/suspicious/noExplicitAny: an answer of any operation
  override async ok(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<any> {
    const key: Record<string, string> = method === 'POST' ? { 'idempotency-key': randomUUID() } : {}
    const keyed = { ...options, headers: { ...key, ...options.headers } }
    for (let refusals = 0; refusals < REFUSALS_MAX; refusals += 1) {
      const answer = await this.call(method, path, body, keyed)
      if (answer.status !== 503 || !answer.headers.has('retry-after')) return bodyOf(answer, `${method} ${path}`)
    }
    throw new Error(`${method} ${path}: 503, ${REFUSALS_MAX} times`)
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Ends it and waits until it has ended. @returns how, and after how long */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit & { afterMs: number }> {
    const startedAt = performance.now()
    this.#child.kill(signal)
    const exit = await this.exited
    return { ...exit, afterMs: performance.now() - startedAt }
  }

  /** Whatever state it is in. */
  async close(): Promise<void> {
    await this.end('SIGKILL')
  }

  /** Makes an endpoint for the receiver, which trusts its secret from then on; the test request has come in. */
  // biome-ignore lint/suspicious/noExplicitAny: the endpoint as answered
  async endpoint(account: TestAccount, receiver: Receiver, settings: object = {}): Promise<any> {
    const path = `/api/v1/app/${account.id}/endpoint`
    const count = receiver.requests.length
    const endpoint = await this.ok('POST', path, { url: receiver.url, ...settings }, { token: account.key })
    const { key } = await this.ok('GET', `${path}/${endpoint.id}/secret`, undefined, { token: account.key })
    receiver.trust(key)
    await receiver.received(count + 1)
    return endpoint
  }
}

type MainOptions = { receivers?: readonly Receiver[]; environment?: Record<string, string> }
type KillableOptions = MainOptions & Pick<KillableOrders, 'leaseTimes' | 'killAt'>

type Run = { child: ChildProcess; started: Promise<Started>; exited: Promise<Exit>; log: LogLine[] }

function launch(args: readonly string[], environment: Record<string, string>): Run {
  const child = spawn(process.execPath, [...args], {
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...environment },
    stdio: ['pipe', 'pipe', 'pipe'], // the first tells a killable one that its test has gone
  })
  child.stdin.on('error', () => {}) // its exit says more
  const log: LogLine[] = []
  const other: string[] = []
  const started = Promise.withResolvers<Started>()
  const exited = Promise.withResolvers<Exit>()
  createInterface({ input: child.stderr }).on('line', (line) => {
    const entry = parseLine(line)
    if (!entry) return void other.push(line)
    log.push(entry)
    if (entry.event !== 'service.ready') return
    started.resolve({ url: entry.url ?? null, adminUrl: entry.adminUrl ?? '' })
  })
  void text(child.stdout)
  child.on('close', (code, signal) => {
    started.reject(new Error(`it did not start: ${code ?? signal} ${other.join('\n')}`))
    exited.resolve({ code, signal })
  })
  return { child, started: started.promise, exited: exited.promise, log }
}

function parseLine(line: string): LogLine | undefined {
  try {
    return JSON.parse(line) as LogLine
  } catch {
    return undefined
  }
}

/** Where processes live: on an embedded server of theirs, together on one of the test, or on a database of the test run. */
export class ServiceHome {
  readonly environment: Record<string, string>
  readonly masterKey: Buffer
  readonly #connection: () => Connection
  readonly #remove: () => Promise<void>
  readonly server: EmbeddedPostgres | null
  #keys: Record<Environment, string> | undefined

  private constructor(parts: {
    environment: Record<string, string>
    masterKey: Buffer
    connection: () => Connection
    server: EmbeddedPostgres | null
    remove: () => Promise<void>
  }) {
    this.environment = parts.environment
    this.masterKey = parts.masterKey
    this.#connection = parts.connection
    this.server = parts.server
    this.#remove = parts.remove
  }

  /** A data folder; the process that is started on it starts its own PostgreSQL. @param former  of which it is a copy, made as docs/operations.md tells */
  static embedded(former?: ServiceHome): ServiceHome {
    const dataDir = dataFolder()
    if (former) execFileSync('cp', ['-a', `${former.environment.PSAPI_SERVER_DATA_DIR}/.`, dataDir])
    return new ServiceHome({
      environment: { PSAPI_SERVER_DATA_DIR: dataDir },
      masterKey: Buffer.alloc(0), // it makes its own
      connection: () => connectionToRunning(dataDir),
      server: null,
      remove: async () => rmSync(dataDir, { recursive: true, force: true }),
    })
  }

  /** A real server with its usual settings, for any number of processes. */
  static async shared(): Promise<ServiceHome> {
    const dataDir = dataFolder()
    const silent = { info: () => {}, warn: () => {}, error: () => {} }
    const server = await startEmbeddedPostgres({ dataDir, log: silent })
    const masterKey = randomBytes(32)
    const masterKeyFile = join(dataDir, 'key-of-the-test')
    writeFileSync(masterKeyFile, masterKey.toString('base64'), { mode: 0o600 })
    return new ServiceHome({
      environment: { DATABASE_URL: urlOf(server.connection), MASTER_KEY_FILE: masterKeyFile },
      masterKey,
      connection: () => server.connection,
      server,
      remove: async () => {
        await server.stop()
        for (const folder of [server.home, dataDir]) rmSync(folder, { recursive: true, force: true })
      },
    })
  }

  /** A database of the test run: quick to make, and without fsync, so that `main` refuses it. */
  static async testRun(): Promise<ServiceHome> {
    const database = await testDatabase()
    return new ServiceHome({
      environment: {},
      masterKey: randomBytes(32),
      connection: () => database.connection,
      server: null,
      remove: () => database.close(),
    })
  }

  get connection(): Connection {
    return this.#connection()
  }

  /** The process of the embedded server that runs here now. */
  get postmasterPid(): number {
    const [pid] = readFileSync(
      join(this.environment.PSAPI_SERVER_DATA_DIR ?? '', 'cluster/postmaster.pid'),
      'utf8',
    ).split('\n')
    return Number(pid)
  }

  /** Environment keys, made with the first process. */
  async keys(): Promise<Record<Environment, string>> {
    this.#keys ??= await makeKeys(this.#connection())
    return this.#keys
  }

  /** Call it when its processes have ended. */
  async remove(): Promise<void> {
    await this.#remove()
  }
}

/** A unix socket in a URL. */
function urlOf(connection: Connection): string {
  if ('url' in connection) return connection.url
  const { socketDir, port, database, user } = connection
  return `postgresql://${user}@localhost:${port}/${database}?host=${encodeURIComponent(socketDir)}`
}

async function makeKeys(connection: Connection): Promise<Record<Environment, string>> {
  const clock = new DatabaseClock()
  const options = { connectionsMax: 1, statementTimeoutMs: 30_000, queryTimeoutMs: 30_000 }
  const database = new Database(connection, { role: 'api', applicationName: 'test', ...options })
  const key = async (environment: Environment) => {
    const made = await database.transaction({ settings: visibleTo(environment) }, (tx) =>
      createKey(tx, { clock, ids: new IdSource(clock) }, { environment, name: 'test' }),
    )
    return made.key
  }
  try {
    return { sandbox: await key('sandbox'), production: await key('production') }
  } finally {
    await database.close()
  }
}

/** That a server which runs under another user can reach. */
function dataFolder(): string {
  const folder = temporaryFolder()
  chmodSync(folder, 0o711)
  return folder
}
