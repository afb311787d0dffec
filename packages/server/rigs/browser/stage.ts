import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ApiClient } from '../../test/api-client.ts'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import { Processes } from '../bench/processes.ts'
import { asSuperuser, type Service, startService } from '../bench/service.ts'

const ADMIN = fileURLToPath(new URL('../../src/admin.ts', import.meta.url))
const run = promisify(execFile)
const ADMIN_MS_MAX = 30_000

/** The receiver whose origin may show the portal in a frame. */
const HOST = 5

/** The service by its production entry, on a PostgreSQL of its own, with receivers that endpoints may use. */
export class Stage extends ApiClient {
  readonly keys: Record<'sandbox' | 'production', string>
  readonly receivers: readonly Receiver[]
  readonly #url: string
  #service: Service
  readonly #folder: string
  readonly #processes: Processes

  private constructor(parts: {
    service: Service
    key: string
    receivers: readonly Receiver[]
    folder: string
    processes: Processes
  }) {
    super()
    this.#url = parts.service.url
    this.#service = parts.service
    this.keys = { sandbox: parts.key, production: parts.key }
    this.receivers = parts.receivers
    this.#folder = parts.folder
    this.#processes = parts.processes
  }

  static async open(receiverCount: number): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'producersync-browser-'))
    chmodSync(folder, 0o711) // PostgreSQL's user goes through it
    const receivers = await Promise.all(Array.from({ length: receiverCount }, () => startReceiver()))
    const processes = new Processes()
    try {
      const service = await start({ processes, folder, receivers }, '0')
      const { key } = service
      if (key === null) throw new Error('the first start showed no environment key')
      return new Stage({ service, key, receivers, folder, processes })
    } catch (error) {
      await processes.end()
      await Promise.all(receivers.map((receiver) => receiver.close()))
      rmSync(folder, { recursive: true, force: true })
      throw error
    }
  }

  get url(): string {
    return this.#url
  }

  /** Kills the service, and starts it anew where it was, on what it has stored. @param meanwhile  done while there is none */
  async restart(meanwhile: () => Promise<void>): Promise<void> {
    process.kill(this.#service.pid, 'SIGKILL')
    await this.#service.end()
    await meanwhile()
    const parts = { processes: this.#processes, folder: this.#folder, receivers: this.receivers }
    this.#service = await start(parts, new URL(this.#url).port)
  }

  /** A page that may show the portal in a frame: it has what is put there by `answer`. */
  get host(): Receiver {
    return this.receiver(HOST)
  }

  receiver(index: number): Receiver {
    const receiver = this.receivers[index]
    if (!receiver) throw new Error(`there is no receiver ${index}`)
    return receiver
  }

  /** What an operator does at the command line. */
  async admin(...args: string[]): Promise<string> {
    const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', PSAPI_SERVER_DATA_DIR: this.#folder }
    const { stdout } = await run(process.execPath, [ADMIN, ...args], { env, timeout: ADMIN_MS_MAX })
    return stdout
  }

  /** Makes something with the environment's key. @returns its id */
  async make(path: string, body: object): Promise<string> {
    const made: { id: string } = await this.ok('POST', path, body, { token: this.keys.sandbox })
    return made.id
  }

  /** Reads a list with the environment's key. @returns the ids of its rows */
  async idsOf(path: string): Promise<string[]> {
    const list: { data: { id: string }[] } = await this.ok('GET', path, undefined, { token: this.keys.sandbox })
    return list.data.map(({ id }) => id)
  }

  /** The signing secret of an endpoint. */
  async secretOf(account: string, endpoint: string): Promise<string> {
    const path = `/api/v1/app/${account}/endpoint/${endpoint}/secret`
    const secret: { key: string } = await this.ok('GET', path, undefined, { token: this.keys.sandbox })
    return secret.key
  }

  /** A link that lets in once. */
  async link(account: string, rights: object = {}): Promise<string> {
    const path = `/api/v1/auth/app-portal-access/${account}`
    const access: { url: string } = await this.ok('POST', path, rights, { token: this.keys.sandbox })
    return access.url
  }

  /** A link that lets a member of the account in once, who becomes one by it. */
  async memberLink(account: string, person: string, role: 'viewer' | 'developer' | 'admin'): Promise<string> {
    const body = { account, person, role, hours: 1 }
    const link: { url: string } = await this.ok('POST', '/api/v1/env/login-link', body, { token: this.keys.sandbox })
    return link.url
  }

  /** A link that lets one of the operator's staff in once. */
  async staffLink(): Promise<string> {
    const { link } = JSON.parse(await this.admin('operator-link', '--json')) as { link: { url: string } }
    return link.url
  }

  /** Puts into the database what no call brings about. */
  async write(sql: string, values: readonly unknown[]): Promise<void> {
    await asSuperuser(this.#folder, async (client) => void (await client.query(sql, [...values])))
  }

  /** Holds locks in the database while something else is done. @param sql  takes them */
  async holding(sql: string, work: () => Promise<void>): Promise<void> {
    await asSuperuser(this.#folder, async (client) => {
      await client.query('begin')
      await client.query(sql)
      await work()
      await client.query('rollback')
    })
  }

  async close(): Promise<void> {
    await this.#processes.end()
    await Promise.all(this.receivers.map((receiver) => receiver.close()))
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

type Parts = { processes: Processes; folder: string; receivers: readonly Receiver[] }

async function start({ processes, folder, receivers }: Parts, port: string): Promise<Service> {
  const addresses = receivers.map(({ address }) => address)
  const env = { PORT: port, PSAPI_SERVER_FRAME_ANCESTORS: `http://${addresses[HOST]}` }
  return await startService(processes, folder, addresses, { inspected: false, env })
}
