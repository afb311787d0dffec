import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { ensureRoles } from '#src/adapters/postgres/roles.ts'
import type { Opened } from '../chaos/opened.ts'
import { NotHere } from './not-here.ts'

const exec = promisify(execFile)
const PROGRAMS = ['initdb', 'postgres', 'pg_basebackup', 'pg_dump', 'pg_restore', 'psql']
const DEBIAN = '/usr/lib/postgresql'
const PORT = 5432
const DATABASE = 'producersync'
const START_MS_MAX = 60_000
const LOOK_MS = 50
const TOOL_MS_MAX = 120_000
/** Ends the server when the pipe from this process closes, however this process ends. */
const GUARD = `exec 3<&0
"$@" </dev/null 3<&- & p=$!
( read -r _ <&3; kill -QUIT $p ) & r=$!
wait $p; s=$?; kill $r 2>/dev/null; exit $s`

/** PostgreSQL's programs, those for backups with them: of `PGBIN`, of the path, or where Debian puts them. @throws NotHere */
function findPrograms(): string {
  const debian = existsSync(DEBIAN) ? readdirSync(DEBIAN).toSorted((a, b) => Number(b) - Number(a)) : []
  const folders = [
    process.env.PGBIN ?? '',
    ...debian.map((version) => join(DEBIAN, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ]
  const found = folders.find((folder) => folder !== '' && PROGRAMS.every((name) => existsSync(join(folder, name))))
  if (found === undefined)
    throw new NotHere(
      `PostgreSQL's programs (${PROGRAMS.join(', ')}) are not here: apt-get install postgresql, or set PGBIN`,
    )
  return found
}

type User = { uid: number; gid: number } | undefined

/** Whom it runs as: PostgreSQL refuses to be root. */
function serverUser(): User {
  if (process.getuid?.() !== 0) return undefined
  const [, , uid, gid] =
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .find(([name]) => name === 'postgres') ?? []
  if (uid === undefined || gid === undefined)
    throw new NotHere('there is no user postgres, and PostgreSQL refuses to be root')
  return { uid: Number(uid), gid: Number(gid) }
}

/** A PostgreSQL server of an operator's own, in a folder, reached by its socket. */
export class DrillServer {
  readonly folder: string
  readonly #programs: string
  readonly #user: User = serverUser()
  #stop: (() => Promise<void>) | undefined

  /** @param folder  made when it is missing, and its user's */
  constructor(folder: string) {
    this.folder = folder
    this.#programs = findPrograms()
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.give(folder)
  }

  /** As the service logs in. */
  get connection() {
    return { socketDir: this.folder, port: PORT, database: DATABASE, user: 'psapi' }
  }

  get #superuser() {
    return { socketDir: this.folder, port: PORT, database: DATABASE, user: 'postgres' }
  }

  get data(): string {
    return join(this.folder, 'data')
  }

  /** A path becomes the server's user's. */
  give(path: string): void {
    if (this.#user) chownSync(path, this.#user.uid, this.#user.gid)
  }

  /** Makes an empty cluster. */
  async create(): Promise<void> {
    const words = [
      '-D',
      this.data,
      '-U',
      'postgres',
      '--encoding=UTF8',
      '--locale=C.UTF-8',
      '--auth=trust',
      '--data-checksums',
    ]
    await this.tool('initdb', words)
  }

  /** Takes a base backup for its cluster. */
  adopt(base: string): void {
    renameSync(base, this.data)
  }

  /** Starts it on the cluster in its folder. @param settings  beside the server's own */
  async start(opened: Opened, settings: Record<string, string> = {}): Promise<void> {
    const all = { listen_addresses: '', log_min_messages: 'panic', shared_buffers: '64MB', ...settings }
    const args = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const program = join(this.#programs, 'postgres')
    const words = ['-c', GUARD, 'guard', program, '-D', this.data, '-k', this.folder, '-p', String(PORT), ...args]
    const child = spawn('/bin/sh', words, {
      ...this.#user,
      cwd: this.folder,
      detached: true,
      stdio: ['pipe', 'ignore', 'inherit'],
    })
    child.stdin.on('error', () => {})
    this.#stop = async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.stdin.end()
      await exited
    }
    opened.end(() => this.stop())
    const deadlineMs = performance.now() + START_MS_MAX
    while (!(await this.#accepts())) {
      if (child.exitCode !== null) throw new Error(`PostgreSQL did not start in ${this.data} (${child.exitCode})`)
      if (performance.now() > deadlineMs) throw new Error('PostgreSQL was not ready in time')
      await sleep(LOOK_MS)
    }
  }

  /** At once, as a machine that goes: nothing is written any more. */
  async stop(): Promise<void> {
    await this.#stop?.()
  }

  /** The service's roles and its empty database. */
  async prepare(): Promise<void> {
    await ensureRoles({ ...this.#superuser, database: 'postgres' }, DATABASE)
  }

  async asSuperuser<T>(work: (client: Client) => Promise<T>, database = DATABASE): Promise<T> {
    const { socketDir: host, ...rest } = this.#superuser
    const client = new Client({ ...rest, host, database, connectionTimeoutMillis: 5_000 })
    client.on('error', () => {}) // the statement that fails says it, too
    await client.connect()
    try {
      return await work(client)
    } finally {
      await client.end()
    }
  }

  /** Runs one of PostgreSQL's programs as the server's user, towards this server. */
  async tool(name: string, args: readonly string[], user = 'postgres'): Promise<void> {
    const env = { PATH: this.#programs, PGHOST: this.folder, PGPORT: String(PORT), PGUSER: user, LC_ALL: 'C' }
    await exec(join(this.#programs, name), args, { ...this.#user, env, cwd: this.folder, timeout: TOOL_MS_MAX })
  }

  async #accepts(): Promise<boolean> {
    try {
      return await this.asSuperuser(async (client) => {
        const { rows } = await client.query<{ ready: boolean }>('select not pg_is_in_recovery() as ready')
        return rows[0]?.ready ?? false
      }, 'postgres')
    } catch {
      return false
    }
  }
}
