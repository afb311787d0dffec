import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withClient } from '#src/adapters/postgres/client.ts'
import type { Connection } from '#src/adapters/postgres/database.ts'
import { connectionToRunning } from '#src/adapters/postgres/embedded.ts'
import { databaseUrl } from '../chaos/environment.ts'
import { insist } from '../chaos/insist.ts'
import { endProcess, type Processes } from './processes.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const READY = /is ready\. API: (\S+)/
const KEY = /PSAPI_ENVIRONMENT_KEY=(\S+)/
const INSPECTOR = /Debugger listening on (ws:\S+)/
const ADMIN = /Probes and metrics: (\S+)/
const ATTEMPTS = /^psapi_attempts_total\{.*\} (\d+)$/gm
const STATEMENT_MS_MAX = 600_000

/**
 * Limits that keep accounts and receivers from harm and would here cap the engine (reliability-security 11): raised, and
 * named in the report.
 */
export const RAISED_LIMITS = {
  PSAPI_SERVER_HOST_IN_FLIGHT_MAX: '100000',
  PSAPI_SERVER_HOST_PER_SECOND_MAX: '10000000',
  PSAPI_SERVER_ADDRESS_IN_FLIGHT_MAX: '100000',
  PSAPI_SERVER_ADDRESS_PER_SECOND_MAX: '10000000',
  PSAPI_SERVER_ACCOUNT_EVENTS_PER_SECOND: '10000000',
  PSAPI_SERVER_ACCOUNT_PENDING_MAX: '10000000',
} as const

export type Service = {
  pid: number
  url: string
  /** Of the inspector, when asked for. */
  inspectorUrl: string | null
  /** Of the sandbox, made at the very first start. */
  key: string | null
  end: () => Promise<void>
}

/** Starts the service by its production entry, with its own PostgreSQL in `dataDir`. */
export async function startService(
  processes: Processes,
  dataDir: string,
  receivers: readonly string[],
  options: { inspected?: boolean; roles?: string | undefined; env?: Readonly<Record<string, string>> } = {},
): Promise<Service> {
  const { child, said } = await start(processes, receivers, options.inspected ? ['--inspect=127.0.0.1:0'] : [], {
    PSAPI_SERVER_DATA_DIR: dataDir,
    ...(options.roles === undefined ? {} : { ROLES: options.roles }),
    ...options.env,
  })
  return {
    pid: child.pid ?? 0,
    url: READY.exec(said)?.[1] ?? '',
    inspectorUrl: INSPECTOR.exec(said)?.[1] ?? null,
    key: KEY.exec(said)?.[1] ?? null,
    end: () => endProcess(child),
  }
}

/** A process that only delivers. */
export type WorkerProcess = {
  pid: number
  /** How many attempts it has made. */
  attempts: () => Promise<number>
  end: () => Promise<void>
}

/** Starts a worker on the database of a running service. */
export async function startWorker(
  processes: Processes,
  dataDir: string,
  receivers: readonly string[],
): Promise<WorkerProcess> {
  const connection = connectionToRunning(dataDir)
  if (!('socketDir' in connection)) throw new Error('the embedded server is reached by a socket')
  const { child, said } = await start(processes, receivers, [], {
    ROLES: 'worker',
    DATABASE_URL: databaseUrl(connection.socketDir, connection),
    MASTER_KEY_FILE: join(dataDir, 'master-key'),
  })
  const adminUrl = ADMIN.exec(said)?.[1] ?? ''
  return {
    pid: child.pid ?? 0,
    attempts: async () => attemptsIn(await (await insist(`${adminUrl}/metrics`, {})).text()),
    end: () => endProcess(child),
  }
}

function attemptsIn(metrics: string): number {
  return [...metrics.matchAll(ATTEMPTS)].reduce((sum, [, count]) => sum + Number(count), 0)
}

async function start(
  processes: Processes,
  receivers: readonly string[],
  nodeArgs: readonly string[],
  environment: Record<string, string>,
) {
  const child = spawn(process.execPath, [...nodeArgs, MAIN], {
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '',
      PORT: '0',
      ADMIN_PORT: '0',
      LOOPBACK_RECEIVERS: receivers.join(','),
      PSAPI_SERVER_LOG_LEVEL: 'warn',
      ...RAISED_LIMITS,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  processes.add(child)
  const said = await untilReady(child)
  child.stdout.resume()
  return { child, said }
}

async function untilReady(child: ChildProcess): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let said = ''
  const hear = (chunk: Buffer) => {
    said += chunk.toString()
    if (/Ctrl-C stops it/.test(said)) resolve(said)
  }
  child.stdout?.on('data', hear)
  child.stderr?.on('data', (chunk: Buffer) => {
    hear(chunk)
    if (!INSPECTOR.test(chunk.toString())) process.stderr.write(chunk)
  })
  child.once('close', (code, signal) => reject(new Error(`the service has ended: ${code ?? signal} ${said}`)))
  await promise
  child.stdout?.off('data', hear)
  return said
}

/** Gives `work` the embedded server of a running service, as one who may see everything. */
export async function asSuperuser<T>(
  dataDir: string,
  work: (client: Parameters<Parameters<typeof withClient<T>>[2]>[0]) => Promise<T>,
): Promise<T> {
  const connection: Connection = { ...connectionToRunning(dataDir), user: 'postgres' }
  const limits = { statementTimeoutMs: STATEMENT_MS_MAX, idleInTransactionMs: STATEMENT_MS_MAX }
  return await withClient(connection, { applicationName: 'bench', ...limits }, work)
}

/** Calls the management API. @throws an error with the answer when it is not 2xx */
export class Api {
  readonly #url: string
  readonly #key: string

  constructor(url: string, key: string) {
    this.#url = url
    this.#key = key
  }

  get port(): number {
    return Number(new URL(this.#url).port)
  }

  get key(): string {
    return this.#key
  }

  /** @returns the id of what was made */
  async post(path: string, body: object): Promise<string> {
    const response = await insist(`${this.#url}/api/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${text}`)
    const made: { id: string } = JSON.parse(text)
    return made.id
  }
}
