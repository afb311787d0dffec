import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import type { Connection } from '#src/adapters/postgres/database.ts'
import type { Opened } from './opened.ts'
import type { Place } from './proxy.ts'

/** `hasDisk`: the data lie on a disk of their own. */
export type KeeperOrders = { folder: string; dataDir: string; settings: Record<string, string>; hasDisk: boolean }
/** What the keeper does to the disk, a line each on its input. */
export type DiskOrder = 'cut' | 'fill' | 'stall' | 'heal'
export type KeeperReport =
  | { event: 'ready'; connection: Connection; superuserConnection: Connection; home: string }
  | { event: 'failed'; reason: string }
  | { event: 'done'; hasLost: boolean }
type Socketed = Extract<Connection, { socketDir: string }>

const KEEPER = fileURLToPath(new URL('./keeper.ts', import.meta.url))
const PROBE_MS = 40
const LOG_FILES = 4
const BACK_MS_MAX = 60_000

/** The run's own PostgreSQL, its durability as in production, under a supervisor that starts it again when it dies. */
export class RigDatabase {
  readonly #keeper: ChildProcessByStdio<Writable, Readable, null>
  readonly #superuser: Socketed
  readonly #home: string
  #done: (hasLost: boolean) => void = () => {}
  /** As the service logs in. */
  readonly connection: Socketed

  private constructor(
    keeper: ChildProcessByStdio<Writable, Readable, null>,
    ready: { connection: Socketed; superuserConnection: Socketed; home: string },
    onFailure: (reason: string) => void,
  ) {
    this.#keeper = keeper
    this.connection = ready.connection
    this.#superuser = ready.superuserConnection
    this.#home = ready.home
    keeper.on('exit', () => onFailure('the keeper of the database has ended'))
  }

  /**
   * @param folder     goes with the run, whatever is in it by then
   * @param onFailure  the database is gone for good
   */
  static async start(
    folder: string,
    settings: Record<string, string>,
    onFailure: (reason: string) => void,
    hasDisk = false,
  ): Promise<RigDatabase> {
    const orders: KeeperOrders = { folder, dataDir: join(folder, 'database'), settings, hasDisk }
    const keeper = spawn(process.execPath, [KEEPER, JSON.stringify(orders)], { stdio: ['pipe', 'pipe', 'inherit'] })
    keeper.stdin.on('error', () => {}) // its exit says more
    const first = Promise.withResolvers<KeeperReport>()
    let done: (hasLost: boolean) => void = () => {}
    createInterface({ input: keeper.stdout }).on('line', (line) => {
      const report = JSON.parse(line) as KeeperReport // written by keeper.ts
      first.resolve(report)
      if (report.event === 'done') done(report.hasLost)
      if (report.event === 'failed') onFailure(report.reason)
    })
    keeper.on('exit', (code) => first.resolve({ event: 'failed', reason: `the database did not start (exit ${code})` }))
    const report = await first.promise
    if (report.event !== 'ready')
      throw new Error(report.event === 'failed' ? report.reason : 'the database is not ready')
    const { connection, superuserConnection, home } = report
    if ('url' in connection || 'url' in superuserConnection) throw new Error('the database has no socket')
    const database = new RigDatabase(keeper, { connection, superuserConnection, home }, onFailure)
    done = (hasLost) => database.#done(hasLost)
    return database
  }

  /** Where its socket is. */
  get place(): Place {
    const { socketDir, port } = this.connection
    return { path: join(socketDir, `.s.PGSQL.${port}`) }
  }

  /** The keeper ends this process too when the rig is gone. */
  adopt(processId: number): void {
    this.#keeper.stdin.write(`+${processId}\n`)
  }

  disown(processId: number): void {
    this.#keeper.stdin.write(`-${processId}\n`)
  }

  /** A connection that may do anything and sees every row, for the caller to end. */
  async openAsSuperuser(): Promise<Client> {
    const { socketDir: host, ...rest } = this.#superuser
    const client = new Client({ ...rest, host, connectionTimeoutMillis: 2_000, application_name: 'chaos' })
    client.on('error', () => {}) // the statement that fails says it, too
    await client.connect()
    return client
  }

  /** Gives `work` such a connection. */
  async asSuperuser<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const client = await this.openAsSuperuser()
    try {
      return await work(client)
    } finally {
      await client.end()
    }
  }

  /** `SIGKILL`: a crash; `SIGINT`: what an operator's restart does. Its supervisor starts it again. Resolves when it has ended. */
  async end(signal: 'SIGKILL' | 'SIGINT'): Promise<void> {
    const [id] = readFileSync(join(this.#home, 'cluster', 'postmaster.pid'), 'utf8').split('\n')
    process.kill(Number(id), signal)
    while (existsSync(`/proc/${id}`)) await sleep(PROBE_MS)
  }

  /**
   * Does something to the disk. `cut`: the power goes, and comes back: the database ends, what was not synced is lost, and its
   * supervisor starts it on what is left.
   * @returns of a cut, whether something that was not synced was lost
   */
  async disk(order: DiskOrder): Promise<boolean> {
    const done = Promise.withResolvers<boolean>()
    this.#done = done.resolve
    this.#keeper.stdin.write(`!${order}\n`)
    return await done.promise
  }

  /** Resolves when connections are accepted. */
  async untilBack(): Promise<void> {
    const deadlineMs = performance.now() + BACK_MS_MAX
    for (;;) {
      try {
        return await this.asSuperuser(async () => {})
      } catch (error) {
        if (performance.now() > deadlineMs) throw error
        await sleep(PROBE_MS)
      }
    }
  }

  /** Its log has files to go on in, used ones: a checkpoint keeps them for that. */
  async makeRoomForLog(): Promise<void> {
    await this.asSuperuser(async (client) => {
      for (let file = 0; file < LOG_FILES; file += 1) {
        await client.query('select pg_switch_wal()')
        await client.query('checkpoint')
      }
    })
  }

  /** Ends every backend that serves the service. @returns how many */
  async terminateBackends(): Promise<number> {
    return await this.asSuperuser(async (client) => {
      const { rowCount } = await client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'producersync-%'`,
      )
      return rowCount ?? 0
    })
  }

  /** Ends it, and all that the keeper holds. */
  async stop(): Promise<void> {
    if (this.#keeper.exitCode !== null || this.#keeper.signalCode !== null) return
    const exited = once(this.#keeper, 'exit')
    this.#keeper.stdin.end()
    await exited
  }
}

/** The database of a run in a folder of its own, which goes with it. @param fail  told when it is gone for good */
export async function startRunDatabase(
  rig: string,
  settings: Record<string, string>,
  opened: Opened,
  fail: (reason: string) => void,
  hasDisk = false,
): Promise<{ folder: string; database: RigDatabase }> {
  const folder = mkdtempSync(join(tmpdir(), `producersync-${rig}-`))
  chmodSync(folder, 0o711) // as root, PostgreSQL runs as another user, who has to get in
  let ended = false
  const onFailure = (reason: string) => {
    if (!ended) fail(reason)
  }
  const database = await RigDatabase.start(folder, settings, onFailure, hasDisk)
  opened.end(async () => {
    ended = true
    await database.stop()
  })
  return { folder, database }
}
