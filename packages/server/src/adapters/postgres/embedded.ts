import { existsSync, mkdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readOrEmpty } from '#src/adapters/read-or-empty.ts'
import { withClient } from './client.ts'
import type { Connection } from './connection.ts'
import { EmbeddedFailed, EmbeddedInUse } from './embedded-errors.ts'
import {
  adoptCluster,
  choosePlace,
  chooseSocketDir,
  installPrograms,
  makeFreshCluster,
  makeLockFile,
  type Place,
  packagedPrograms,
  removeLeftovers,
  removeTree,
} from './embedded-files.ts'
import { lockTaken, type Run, startGuarded } from './embedded-guard.ts'
import { DatabaseUnavailable, sqlState } from './errors.ts'
import { memoryBytes, sharedBuffersMib } from './memory.ts'
import { ensureRoles } from './roles.ts'

export { EmbeddedFailed, EmbeddedInUse } from './embedded-errors.ts'

/** Where lines about the server go; a pino logger fits. */
export type EmbeddedLog = Record<'info' | 'warn' | 'error', (fields: Record<string, unknown>, message: string) => void>

export type EmbeddedPostgres = {
  /** As login `psapi`, a member of every role and nothing else. */
  connection: Connection
  /** For tests and administration: may do anything. */
  superuserConnection: Connection
  /** The folder that holds its programs and data: `dataDir`, unless the server's user cannot go there. */
  home: string
  /** Shuts the server down (fast: running transactions are rolled back) and frees the data folder. */
  stop: () => Promise<void>
  /** Called when the server has died and does not come back. */
  onExit: (callback: (error: EmbeddedFailed) => void) => void
}

export type EmbeddedOptions = {
  /** Made when missing. One server at a time. */
  dataDir: string
  log: EmbeddedLog
  /** Settings of the server that win over ours: for tests, which may run without fsync. */
  settings?: Record<string, string>
}

const database = 'producersync'
const superuser = 'postgres'
const port = 5432
const startTimeoutMs = 300_000
const stopTimeoutMs = 30_000
const killTimeoutMs = 10_000
const leftoverTimeoutMs = 30_000
const startingUp = '57P03'
const restartPauseMs = 50
const deathsMax = 5
const deathsWithinMs = 60_000

const ourSettings = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  // the promises rest on these three; a line in postgresql.conf does not undo them
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  max_connections: '100',
  shared_buffers: `${sharedBuffersMib(memoryBytes())}MB`,
  effective_cache_size: '1GB',
  work_mem: '16MB',
  maintenance_work_mem: '128MB',
  wal_compression: 'on',
  min_wal_size: '256MB',
  max_wal_size: '4GB',
  checkpoint_timeout: '15min',
  random_page_cost: '1.1',
  jit: 'off',
  // short statements on few cores: parallel ones would only take connections' places
  max_parallel_workers_per_gather: '0',
  autovacuum_naptime: '15s',
  autovacuum_vacuum_scale_factor: '0.05',
  autovacuum_analyze_scale_factor: '0.05',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // what clients did wrong is told to them; its text holds data
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
  log_autovacuum_min_duration: '-1',
}

/**
 * Starts the PostgreSQL that comes with the service, on the data of `dataDir`, reachable by a unix socket only, with roles and
 * database made. The server ends with this process, also with `kill -9`; when the server dies by itself, it is started again.
 * @throws EmbeddedInUse, EmbeddedFailed
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { log } = options
  const programs = packagedPrograms()
  const dataDir = resolve(options.dataDir)
  mkdirSync(dirname(dataDir), { recursive: true })
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const lock = await takeLock(dataDir)
  try {
    const place = choosePlace(dataDir)
    if (place.home !== realpathSync(dataDir))
      log.warn(
        { dataDir, home: place.home },
        'the server user cannot enter the data folder; the database is kept elsewhere',
      )
    removeLeftovers(place)
    makeLockFile(place)
    const bin = join(installPrograms(place, programs), 'bin')
    const settings = { ...ourSettings, ...options.settings }
    if (!existsSync(place.cluster)) await makeCluster(place, bin, settings)
    checkVersion(place, programs.version)
    const supervisor = new Supervisor(place, bin, settings, log)
    await supervisor.start()
    try {
      await ensureRoles(supervisor.connection(superuser, 'postgres'), database)
    } catch (error) {
      await supervisor.stop()
      throw error
    }
    return {
      connection: supervisor.connection('psapi', database),
      superuserConnection: supervisor.connection(superuser, database),
      home: place.home,
      onExit: (callback) => supervisor.onExit(callback),
      stop: async () => {
        await supervisor.stop()
        lock.close()
      },
    }
  } catch (error) {
    lock.close()
    throw error
  }
}

/** How a command of the same user reaches the server that another process runs on this data folder (after EmbeddedInUse). */
export function connectionToRunning(dataDir: string): Connection {
  return { socketDir: chooseSocketDir(choosePlace(resolve(dataDir)), port), port, database, user: 'psapi' }
}

class Supervisor {
  readonly #place: Place
  readonly #bin: string
  readonly #settings: Record<string, string>
  readonly #log: EmbeddedLog
  readonly #socketDir: string
  readonly #exitCallbacks: ((error: EmbeddedFailed) => void)[] = []
  #run: Run | undefined
  #stopping = false
  #watching: Promise<void> = Promise.resolve()

  constructor(place: Place, bin: string, settings: Record<string, string>, log: EmbeddedLog) {
    this.#place = place
    this.#bin = bin
    this.#settings = settings
    this.#log = log
    this.#socketDir = chooseSocketDir(place, port)
  }

  connection(user: string, inDatabase: string): Connection {
    return { socketDir: this.#socketDir, port, database: inDatabase, user }
  }

  onExit(callback: (error: EmbeddedFailed) => void): void {
    this.#exitCallbacks.push(callback)
  }

  async start(): Promise<void> {
    this.#watching = this.#watch(await this.#launch())
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#run?.child.stdin.end()
    const late = setTimeout(() => signalServer(this.#place, 'SIGQUIT'), stopTimeoutMs)
    await this.#watching
    clearTimeout(late)
    if (this.#socketDir !== this.#place.cluster) removeTree(this.#socketDir)
  }

  // A server that died by kill -9 leaves its children for a moment, and a new one refuses to start beside them.
  async #launch(): Promise<Run> {
    const deadlineMs = performance.now() + leftoverTimeoutMs
    for (let tries = 1; ; tries += 1) {
      await endOrphan(this.#place)
      const { home, cluster, user } = this.#place
      const args = ['-D', cluster, '-k', this.#socketDir, '-p', String(port), ...settingArgs(this.#settings)]
      const variables = {
        LEFT_PID_FILE: pidFileOf(this.#place),
        LEFT_SOCKET_LOCK: `${this.#socketDir}/.s.PGSQL.${port}.lock`,
        WRITTEN_EVERY_S: this.#settings.fsync === 'off' ? '' : '1',
      }
      const onLine = (line: string) => this.#log.info({ line }, 'postgres')
      const run = startGuarded(join(this.#bin, 'postgres'), args, home, user, onLine, variables)
      this.#run = run
      try {
        await this.#untilReady(run)
        return run
      } catch (error) {
        run.child.stdin.end()
        const taken = (await run.exited) === `exit ${lockTaken}`
        const beside = taken || run.lastWords.some((line) => /still in use|already exists/.test(line))
        if (this.#stopping || !beside) throw error
        if (performance.now() > deadlineMs) throw taken ? new EmbeddedInUse(this.#place.home, undefined) : error
        if (tries === 1)
          this.#log.warn({ home: this.#place.home }, 'another postgres still holds the data; waiting for its end')
        await sleep(50)
      }
    }
  }

  async #untilReady(run: Run): Promise<void> {
    const deadlineMs = performance.now() + startTimeoutMs
    const options = { applicationName: 'producersync-start', statementTimeoutMs: 5_000 }
    for (let wait = 5; ; wait = Math.min(wait + 1, 100)) {
      try {
        await withClient(this.connection(superuser, 'postgres'), options, async () => {})
        return
      } catch (error) {
        if (run.ended) throw new EmbeddedFailed(`PostgreSQL did not start: ${run.lastWords.join(' | ')}`)
        if (performance.now() > deadlineMs) throw new EmbeddedFailed('PostgreSQL did not become ready in time.', error)
        const refusal = error instanceof DatabaseUnavailable ? sqlState(error.cause) : undefined
        if (refusal !== undefined && refusal !== startingUp) throw error
      }
      await Promise.race([sleep(wait), run.exited])
    }
  }

  async #watch(first: Run): Promise<void> {
    const deathsMs: number[] = []
    let died = await first.exited
    while (!this.#stopping) {
      this.#log.error({ how: died }, 'postgres died; starting it again')
      const now = performance.now()
      deathsMs.push(now)
      const recent = deathsMs.filter((at) => at > now - deathsWithinMs).length
      if (recent > deathsMax) {
        const failure = new EmbeddedFailed(`PostgreSQL died ${recent} times within a minute: ${died}`)
        for (const callback of this.#exitCallbacks) callback(failure)
        return
      }
      try {
        const run = await this.#launch()
        died = await run.exited
      } catch (error) {
        died = error instanceof Error ? error.message : String(error)
        await sleep(restartPauseMs * 2 ** recent)
      }
    }
  }
}

function settingArgs(settings: Record<string, string>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

async function makeCluster(place: Place, bin: string, settings: Record<string, string>): Promise<void> {
  const fresh = makeFreshCluster(place)
  const options =
    '--encoding=UTF8 --locale-provider=builtin --builtin-locale=C.UTF-8 --auth-local=trust --auth-host=reject'
  const args = ['-D', fresh, '-U', superuser, ...options.split(' '), '--data-checksums']
  if (settings.fsync === 'off') args.push('--no-sync')
  const run = startGuarded(join(bin, 'initdb'), args, place.home, place.user, () => {})
  const how = await run.exited
  if (how !== 'exit 0') {
    removeTree(fresh)
    if (how === `exit ${lockTaken}`) throw new EmbeddedInUse(place.home, undefined)
    throw new EmbeddedFailed(`The database could not be made in ${place.home} (${how}): ${run.lastWords.join(' | ')}`)
  }
  adoptCluster(place, fresh)
}

function checkVersion({ cluster }: Place, version: string): void {
  const made = readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim()
  if (made === version.split('.')[0]) return
  throw new EmbeddedFailed(
    `The data in ${cluster} is of PostgreSQL ${made}; this release brings ${version}. Start the release that made it, dump, and load here.`,
  )
}

/** Takes the data folder for this process, for as long as it lives. @throws EmbeddedInUse */
async function takeLock(dataDir: string): Promise<Server> {
  // the folder itself, not its name: a bind mount or link is the same folder; the kernel frees the name with the process
  const { dev, ino } = statSync(dataDir)
  const path = `\0producersync-postgres-${dev}-${ino}`
  const server = createServer((socket) => socket.on('error', () => {}).end(String(process.pid)))
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject).listen({ path, exclusive: true }, resolve)
  try {
    await promise
  } catch {
    throw new EmbeddedInUse(dataDir, await holderOf(path))
  }
  return server.unref()
}

async function holderOf(path: string): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const socket = connect({ path })
  socket.setTimeout(500, () => resolve(undefined))
  socket.on('data', (bytes) => resolve(bytes.toString()))
  socket.on('error', () => resolve(undefined)).on('close', () => resolve(undefined))
  const holder = await promise
  socket.destroy()
  return holder && /^\d+$/.test(holder) ? holder : undefined
}

/** Stops a server that outlived both its process and its guard. Called with the lock held only. @throws EmbeddedFailed */
async function endOrphan(place: Place): Promise<void> {
  for (const [signal, timeoutMs] of [
    ['SIGINT', stopTimeoutMs],
    ['SIGQUIT', killTimeoutMs],
  ] as const) {
    if (!signalServer(place, signal)) return
    const deadlineMs = performance.now() + timeoutMs
    while (serverPid(place) !== undefined && performance.now() < deadlineMs) await sleep(10)
  }
  if (serverPid(place) !== undefined)
    throw new EmbeddedFailed(`A PostgreSQL of before does not end: process ${serverPid(place)}.`)
}

function signalServer(place: Place, signal: 'SIGINT' | 'SIGQUIT'): boolean {
  const pid = serverPid(place)
  if (pid === undefined) return false
  try {
    process.kill(pid, signal)
  } catch {
    // it has just ended
  }
  return true
}

/** The running server of this cluster, by its pid file and its command line. */
function serverPid(place: Place): number | undefined {
  const pid = Number(readOrEmpty(pidFileOf(place)).split('\n')[0])
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined
  const commandLine = readOrEmpty(`/proc/${pid}/cmdline`)
  return commandLine.split('\0').includes(place.cluster) ? pid : undefined
}

function pidFileOf({ cluster }: Place): string {
  return join(cluster, 'postmaster.pid')
}
