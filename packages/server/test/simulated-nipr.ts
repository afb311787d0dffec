import type { Npn } from '#src/population/npn.ts'
import { parseNpn } from '#src/population/npn.ts'
import type { FeedDefinition } from '#src/simulator/feed-definition.ts'
import { SimulatorControl } from '#src/simulator/simulator-control.ts'
import { type SimulatorServer, startSimulatorServer } from '#src/simulator/simulator-server.ts'
import type { Producer } from '#src/simulator/world.ts'
import { ALERT_KINDS, type AlertKind } from '#src/updates/feed/feed.ts'
import { NiprClient, type NiprSettings } from '#src/updates/feed/nipr-client.ts'
import { type LocalDate, parseLocalDate } from '#src/updates/local-date.ts'
import { ManualClock } from './manual-clock.ts'

/** A simulator in this process, its feeds on a clock that the test moves, and clients of it as the service has them. */
export class SimulatedNipr {
  readonly clock: ManualClock
  readonly control: SimulatorControl
  readonly url: string
  readonly #server: SimulatorServer
  readonly #clients: NiprClient[] = []

  private constructor(clock: ManualClock, server: SimulatorServer, control: SimulatorControl) {
    this.clock = clock
    this.#server = server
    this.control = control
    this.url = server.url
  }

  static async start(clock = new ManualClock('2026-03-06T16:15:00.000Z')): Promise<SimulatedNipr> {
    const server = await startSimulatorServer({ clock, controlToken: 'control' })
    return new SimulatedNipr(clock, server, new SimulatorControl(server.url, 'control'))
  }

  /** A feed of this name with these targets, and its client. */
  async feed(
    user: string,
    definition: Partial<FeedDefinition> = {},
    targets: readonly Npn[] = [],
  ): Promise<NiprClient> {
    await this.control.defineFeed(user, { password: 'secret', seed: 'seed', ...definition })
    const client = this.client(user)
    for (let start = 0; start < targets.length; start += 1000)
      await client.changeTargets('add', targets.slice(start, start + 1000), forever())
    return client
  }

  client(user: string, settings: Partial<NiprSettings> = {}): NiprClient {
    const client = new NiprClient(niprSettings(this.url, user, settings), this.clock)
    this.#clients.push(client)
    return client
  }

  async close(): Promise<void> {
    await Promise.all([this.control.close(), ...this.#clients.map((client) => client.close())])
    await this.#server.close()
  }
}

export function niprSettings(url: string, user: string, settings: Partial<NiprSettings> = {}): NiprSettings {
  return {
    alertsUrl: new URL(url),
    detailsUrl: new URL(url),
    user,
    password: 'secret',
    subscriptionPrefix: 'test',
    email: 'operator@example.com',
    removeOperation: 'removeTargets',
    ...settings,
  }
}

export function npn(text: string): Npn {
  const parsed = parseNpn(text)
  if (parsed === undefined) throw new Error(`no NPN: ${text}`)
  return parsed
}

export function day(text: string): LocalDate {
  const parsed = parseLocalDate(text)
  if (parsed === undefined) throw new Error(`no day: ${text}`)
  return parsed
}

export function forever(): AbortSignal {
  return new AbortController().signal
}

/** The NPNs of a day's report of one kind, in its order, or what there is in its place. */
export async function alertedNpns(client: NiprClient, kind: AlertKind, on: LocalDate): Promise<Npn[] | string> {
  const answer = await client.alerts(kind, on, forever())
  if (answer.kind === 'failed') return answer.cause
  if (answer.kind === 'no_report') return 'no report'
  const npns: Npn[] = []
  for await (const batch of answer.npns) npns.push(...batch)
  return npns
}

/** Everybody that a day's reports name, sorted. @throws Error unless there are all four */
export async function allAlertedNpns(client: NiprClient, on: LocalDate): Promise<string[]> {
  const named = new Set<string>()
  for (const kind of ALERT_KINDS) {
    const npns = await alertedNpns(client, kind, on)
    if (typeof npns === 'string') throw new Error(`${kind}: ${npns}`)
    for (const one of npns) named.add(one)
  }
  return [...named].sort()
}

/** A producer in a form that is equal for equal content: rows in one order, members too. */
export function contentOf(producer: Producer | { warnings: number } | null | undefined): unknown {
  if (producer === null || producer === undefined) return null
  const { warnings: _, ...rest } = { warnings: 0, ...producer }
  return sorted(rest)
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(sorted)
    return items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  }
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)]))
}
