import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { memberOf, objectOf, textOf } from './answers.ts'
import { DemoFailure } from './failure.ts'

const SERVICE = fileURLToPath(new URL('../../packages/server/src/main.ts', import.meta.url))
const ADMIN = fileURLToPath(new URL('../../packages/server/src/admin.ts', import.meta.url))
/** Settings of whoever runs the demo that are not the demo's. */
const FOREIGN = /^(DATABASE_URL|PSAPI_|PORT$|ADMIN_PORT$|ROLES$|PUBLIC_URL$|MASTER_KEY_FILE$|LOOPBACK_RECEIVERS$)/
const LOOK_MS = 5
const POSTGRES_END_MS_MAX = 30_000
const STOP_MS_MAX = 10_000
const LAST_WORDS = 20

export type Credentials = { accountId: string; clientId: string; clientSecret: string }

/** The service as its operator starts it: its entry point, a process of its own, an embedded database in a folder that goes with it. */
export class ServiceProcess {
  readonly #dataDir = mkdtempSync(join(tmpdir(), 'producersync-demo-'))
  readonly #environment: NodeJS.ProcessEnv
  readonly #failed: (why: string) => void
  /** Where the embedded server keeps its files, when it cannot in the data folder. */
  #home = this.#dataDir
  #child: ChildProcess | undefined
  #url = ''
  #lastWords: string[] = []

  /**
   * @param environment  of whoever starts it; settings of the service in it are left out
   * @param receiver     `address:port`, the one place on loopback that endpoints may have
   * @param failed       called when the service ends without being asked to
   */
  constructor(environment: NodeJS.ProcessEnv, receiver: string, failed: (why: string) => void) {
    const own = Object.entries(environment).filter(([name]) => !FOREIGN.test(name))
    this.#environment = {
      ...Object.fromEntries(own),
      PORT: '0',
      ADMIN_PORT: '0',
      LOOPBACK_RECEIVERS: receiver,
      PSAPI_SERVER_DATA_DIR: this.#dataDir,
      PSAPI_SERVER_LOG_LEVEL: 'warn',
    }
    this.#failed = failed
  }

  /** Where the API listens now: another port after each start. */
  get url(): string {
    return this.#url
  }

  /** Resolves when it is ready. */
  async start(signal: AbortSignal): Promise<void> {
    const child = spawn(process.execPath, [SERVICE], { env: this.#environment, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    this.#lastWords = []
    child.once('exit', (code, by) =>
      this.#failed(`The service ended by itself (${by ?? `exit ${code}`}).${this.#words()}`),
    )
    createInterface(child.stderr).on('line', (line) => this.#note(line))
    const ready = Promise.withResolvers<string>()
    createInterface(child.stdout).on('line', (line) => {
      const [, url] = /^ProducerSync is ready\. API: (http:\S+)/.exec(line) ?? []
      if (url) ready.resolve(url)
    })
    const aborted = () => ready.reject(signal.reason)
    signal.addEventListener('abort', aborted, { once: true })
    try {
      this.#url = await ready.promise
    } finally {
      signal.removeEventListener('abort', aborted)
    }
  }

  /** For how long it has waited for a processor since it was started, by the kernel's count; 0 where that keeps none. */
  starvedMs(): number {
    try {
      return Math.round(Number(readFileSync(`/proc/${this.#child?.pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6)
    } catch {
      return 0
    }
  }

  /**
   * `kill -9`, of its database too if asked for. Resolves when the process has ended.
   * @returns when it was sent, by `performance.now()`; and, once it has ended, how long the database has outlived it
   */
  async kill(what: 'service' | 'service and database'): Promise<{ atMs: number; databaseEnded: Promise<number> }> {
    const child = this.#child
    if (!child) throw new Error('nothing has been started')
    const database = this.#postmaster()
    child.removeAllListeners('exit')
    const ended = new Promise((resolve) => child.once('exit', resolve))
    const atMs = performance.now()
    child.kill('SIGKILL')
    if (what === 'service and database' && database !== undefined) process.kill(database, 'SIGKILL')
    const databaseEnded = this.#untilGone(database).then(() => performance.now() - atMs)
    await ended
    return { atMs, databaseEnded }
  }

  /** Makes an account in the production environment, with a client, by the operator's command. */
  async createAccount(name: string, signal: AbortSignal): Promise<Credentials> {
    const args = [ADMIN, 'account', 'create', '--environment', 'production', '--name', name, '--client', '--json']
    const child = spawn(process.execPath, args, { env: this.#environment, stdio: ['ignore', 'pipe', 'pipe'], signal })
    const exited = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('exit', resolve))
    const [code, stdout, stderr] = await Promise.all([exited, text(child.stdout), text(child.stderr)])
    if (code !== 0) throw new DemoFailure(`The command "admin account create" ended with ${code}: ${stderr.trim()}`)
    const made = objectOf(JSON.parse(stdout))
    const client = memberOf(made, 'client')
    return {
      accountId: textOf(memberOf(made, 'account'), 'id'),
      clientId: textOf(client, 'id'),
      clientSecret: textOf(client, 'secret'),
    }
  }

  /** Stops the service, its database with it, and removes their files. */
  async stop(): Promise<void> {
    const child = this.#child
    if (child) {
      const database = this.#postmaster()
      child.removeAllListeners('exit')
      if (child.exitCode === null && child.signalCode === null) {
        const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
        const ended = new Promise((resolve) => child.once('exit', resolve))
        child.kill('SIGTERM')
        await ended
        clearTimeout(late)
      }
      await this.#untilGone(database)
    }
    for (const folder of new Set([this.#home, this.#dataDir])) {
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
    }
  }

  #note(line: string): void {
    this.#lastWords.push(line)
    if (this.#lastWords.length > LAST_WORDS) this.#lastWords.shift()
    // a folder that the database's user cannot enter: the log says where it went instead
    const [, home] = /"home":"([^"]+)"/.exec(line) ?? []
    if (home) this.#home = home
  }

  #words(): string {
    return this.#lastWords.map((line) => `\n  ${line}`).join('')
  }

  /** Process id of the running database; undefined: there is none. */
  #postmaster(): number | undefined {
    try {
      return Number(readFileSync(join(this.#home, 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0])
    } catch {
      return undefined
    }
  }

  async #untilGone(database: number | undefined): Promise<void> {
    const deadlineMs = performance.now() + POSTGRES_END_MS_MAX
    while (database !== undefined && performance.now() < deadlineMs) {
      // by its file first: a process that nobody waits for may stay in the process table for ever
      if (this.#postmaster() !== database || !isAlive(database)) return
      await sleep(LOOK_MS)
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
