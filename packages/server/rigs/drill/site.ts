import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Client } from 'pg'
import { randomOf } from '../chaos/chance.ts'
import { ConnectionOwners } from '../chaos/connections.ts'
import { databaseUrl, freePort, serviceEnvironment } from '../chaos/environment.ts'
import { Ledger } from '../chaos/ledger.ts'
import type { Opened } from '../chaos/opened.ts'
import { Publisher } from '../chaos/publisher.ts'
import { Receivers } from '../chaos/receivers.ts'
import { ServiceProcess } from '../chaos/service-process.ts'
import { readStored, type Stored } from '../chaos/stored.ts'
import { makeWorld, newSecret, planEndpoints, type World } from '../chaos/world.ts'
import type { Options, Part } from './options.ts'

export type Setting = {
  part: Part
  options: Options
  opened: Opened
  fail: (reason: string) => void
  signal: AbortSignal
  tell: (text: string) => void
}

/** Where a server is, as the service logs in. */
export type Socketed = { socketDir: string; port: number; database: string; user: string }
/** A release of the service: where its tree is. */
export type Tree = string

export const HERE: Tree = fileURLToPath(new URL('../../../../', import.meta.url))
const ACCOUNTS = 4
const ENDPOINTS = 8
const EVENTS_PER_SECOND = 60
const STOP_MS_MAX = 40_000
/** The rest of an attempt's limit is for the service. */
const STALL_MS_MAX = 1_000
const WAIT_MS_MAX = 90_000
const LOOK_MS = 50
const ADMIN_MS_MAX = 60_000
/** Of deliveries: so many fail first, so that something is pending at any moment. */
const FAILING_SHARE = 0.1
const FAILURES = 2

/** Those who publish and receive, with their ledger, and the processes of the service in between. */
export class Site {
  readonly folder: string
  readonly ledger = new Ledger()
  readonly receivers: Receivers
  readonly #setting: Setting
  readonly #secrets: readonly string[]
  readonly #environment: Record<string, string>
  readonly #originMs: number
  readonly #publishers: Publisher[] = []
  readonly #crashes: string[] = []
  readonly #delays = monitorEventLoopDelay({ resolution: 20 })
  #leasesLost = 0
  #world: World | undefined

  private constructor(
    setting: Setting,
    folder: string,
    parts: { receivers: Receivers; secrets: readonly string[]; ledger: Ledger; originMs: number },
  ) {
    this.#setting = setting
    this.folder = folder
    this.receivers = parts.receivers
    this.ledger = parts.ledger
    this.#secrets = parts.secrets
    this.#originMs = parts.originMs
    this.#delays.enable()
    this.#environment = serviceEnvironment(folder, parts.receivers.addresses)
  }

  static async open(setting: Setting): Promise<Site> {
    const { opened, options, part } = setting
    const folder = mkdtempSync(join(tmpdir(), `producersync-drill-${part}-`))
    chmodSync(folder, 0o711) // as root, PostgreSQL runs as another user, who has to get in
    opened.end(() => rmSync(folder, { recursive: true, force: true }))
    const originMs = performance.now()
    const owners = new ConnectionOwners(() => [])
    opened.end(() => owners.close())
    const ledger = new Ledger()
    const secrets = planEndpoints(ACCOUNTS, ENDPOINTS).map(newSecret)
    const receivers = await Receivers.start({
      ledger,
      owners,
      now: () => performance.now() - originMs,
      secrets,
      replyTo: (uid, endpoint, before) => {
        const fails = before < FAILURES && randomOf(options.seed, 'reply', uid, endpoint)() < FAILING_SHARE
        return { kind: 'answer', status: fails ? 503 : 200, afterMs: 0 }
      },
    })
    opened.end(() => receivers.close())
    return new Site(setting, folder, { receivers, secrets, ledger, originMs })
  }

  get world(): World {
    if (!this.#world) throw new Error('the world is not made yet')
    return this.#world
  }

  /** Starts a process of a release on a server, and sees to it that it is started again. */
  async start(name: string, roles: string, tree: Tree, at: Socketed): Promise<ServiceProcess> {
    const random = randomOf(this.#setting.options.seed, 'ports', performance.now())
    const [apiPort, adminPort] = [await freePort(random), await freePort(random)]
    const service = new ServiceProcess(
      {
        name,
        entry: [join(tree, 'packages/server/src/main.ts')],
        environment: {
          ...this.environmentAt(at),
          ROLES: roles,
          PORT: String(apiPort),
          ADMIN_PORT: String(adminPort),
        },
        url: roles.includes('api') ? `http://127.0.0.1:${apiPort}` : null,
        proxy: null,
      },
      {
        logged: (_, { event }) => {
          if (event === 'lease.lost') this.#leasesLost += 1
        },
        started: () => {},
        ended: (_, owner, how, asked) => {
          if (!asked) this.#crashes.push(`${owner} (${how})`)
        },
      },
    )
    this.#setting.opened.end(() => service.close())
    await service.start()
    return service
  }

  environmentAt(at: Socketed): Record<string, string> {
    return { ...this.#environment, DATABASE_URL: databaseUrl(at.socketDir, at) }
  }

  /** Processes that have ended though nobody had asked them to. */
  get crashes(): readonly string[] {
    return this.#crashes
  }

  /**
   * Why what was sent twice says nothing here: a machine that stands still makes workers lose their leases, and answers come too
   * late. Null: nothing excuses it.
   */
  get excuse(): string | null {
    if (this.#leasesLost > 0) return `${this.#leasesLost} lease(s) were lost`
    const stalledMs = Math.round(this.#delays.max / 1e6)
    return stalledMs > STALL_MS_MAX ? `the machine stood still for ${stalledMs} ms` : null
  }

  /** Ends processes as an operator would, all at once, for good. @returns those that did not end with 0 */
  async stop(services: readonly ServiceProcess[]): Promise<string[]> {
    for (const service of services) service.retire()
    const ended = await Promise.all(
      services.map(async (service) => ({ name: service.name, ...(await service.terminate(STOP_MS_MAX)) })),
    )
    return ended.filter(({ exitCode }) => exitCode !== 0).map(({ name, exitCode }) => `${name}: ${exitCode}`)
  }

  async makeWorld(url: string, at: Socketed): Promise<void> {
    this.#world = await makeWorld({
      url,
      connection: at,
      receivers: this.receivers,
      secrets: this.#secrets,
      accounts: ACCOUNTS,
      endpoints: planEndpoints(ACCOUNTS, ENDPOINTS),
    })
  }

  /** Begins to publish at a steady rate, to whichever of these answers. */
  load(events: number, urls: readonly string[]): { publisher: Publisher; published: Promise<void> } {
    const { options, opened, signal } = this.#setting
    const publisher = new Publisher({
      ledger: this.ledger,
      now: () => performance.now() - this.#originMs,
      random: randomOf(options.seed, 'publisher', this.#publishers.length),
      apis: urls,
      key: this.world.key,
      accounts: this.world.accounts,
      events,
      durationMs: (events / EVENTS_PER_SECOND) * 1_000,
      uidPrefix: `d${this.#publishers.length + 1}-`,
    })
    this.#publishers.push(publisher)
    opened.end(() => publisher.close())
    return { publisher, published: publisher.publish(signal) }
  }

  /** Publishes so many and waits until all of them are acknowledged. */
  async publish(events: number, urls: readonly string[]): Promise<void> {
    const { publisher, published } = this.load(events, urls)
    await published
    await this.acknowledged(publisher)
  }

  async acknowledged(publisher: Publisher): Promise<void> {
    const limit = AbortSignal.any([this.#setting.signal, AbortSignal.timeout(WAIT_MS_MAX)])
    await publisher.drained(limit)
    if (limit.aborted) throw new Error('not every event was acknowledged in time')
  }

  /** Resolves when `isSo`; it has to become so, and then stay. */
  async until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    const limit = AbortSignal.any([this.#setting.signal, AbortSignal.timeout(WAIT_MS_MAX)])
    while (!(await isSo())) {
      if (limit.aborted) throw new Error(`waited for too long: ${what}`)
      await sleep(LOOK_MS)
    }
  }

  /** Resolves when nothing is planned any more. */
  async drained(asSuperuser: <T>(work: (client: Client) => Promise<T>) => Promise<T>): Promise<void> {
    await this.until('deliveries to end', () =>
      asSuperuser(async (client) => {
        const { rows } = await client.query<{ none: boolean }>(
          'select not exists (select from pending) and not exists (select from pending_bundle) as none',
        )
        return rows[0]?.none ?? false
      }),
    )
  }

  /** What a database holds now, in the ledger's words. */
  async stored(asSuperuser: <T>(work: (client: Client) => Promise<T>) => Promise<T>): Promise<Stored> {
    return await asSuperuser((client) =>
      readStored(client, this.world.numbers, performance.timeOrigin + this.#originMs),
    )
  }

  /** Runs a command of the operator's. @returns its exit code and what it printed */
  async admin(
    args: readonly string[],
    tree: Tree,
    environment: Record<string, string>,
  ): Promise<{ code: number; output: string }> {
    return await runNode([join(tree, 'packages/server/src/admin.ts'), ...args], environment)
  }

  /** Starts the service and waits for its end: for one that refuses. */
  async refusal(tree: Tree, environment: Record<string, string>): Promise<{ code: number; output: string }> {
    return await runNode([join(tree, 'packages/server/src/main.ts')], environment)
  }
}

function runNode(
  args: readonly string[],
  environment: Record<string, string>,
): Promise<{ code: number; output: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: number; output: string }>()
  const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...environment }
  const child = execFile(process.execPath, args, { env, timeout: ADMIN_MS_MAX }, (_, stdout, stderr) =>
    resolve({ code: child.exitCode ?? -1, output: `${stdout}${stderr}` }),
  )
  return promise
}
