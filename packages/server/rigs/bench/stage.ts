import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { endpointUrl, SINK_ADDRESSES } from './addresses.ts'
import type { BareCommands } from './bare-sender.ts'
import { countStatements } from './database-figures.ts'
import { keepKey, keptKey } from './kept-history.ts'
import type { LoadOptions, Options } from './options.ts'
import { type Helper, Processes } from './processes.ts'
import type { PublisherCommands } from './publisher.ts'
import { makeReceivers, type Receivers } from './receivers.ts'
import { Api, type Service, startService, startWorker, type WorkerProcess } from './service.ts'
import type { SinkCommands } from './sink.ts'

/** The processes of a run, and what they were given to do. */
export type Stage = {
  processes: Processes
  folder: string
  dataDir: string
  service: Service
  /** Processes with nothing but the role of a worker; none where the service itself is one. */
  workers: WorkerProcess[]
  api: Api
  sink: Helper<SinkCommands>
  publisher: Helper<PublisherCommands>
  bare: Helper<BareCommands>
  /** Addresses and ports on loopback that endpoints may have. */
  receivers: string[]
  sinkPort: number
  /** A second port of the sink, which can be closed for good. */
  mortalPort: number
  seed: number
  say: (words: string) => void
}

/** What is published in the measured part of a run. */
export type Plan = {
  accounts: number
  endpointsPerAccount: number
  /** How many endpoints get each event. */
  fanOut: number
  /** Requests that each endpoint may have under way; null: the environment's. */
  concurrency: number | null
  fifo: boolean
  eventsPerCall: number | null
  /** Calls under way at once. */
  connections: number
  /** Events accepted and not delivered yet, at most, while the rate is looked for. */
  windowEvents: number
}

const BATCH_EVENTS = 100
const ENDPOINTS_PER_ACCOUNT = 10
const PROVEN_MS_MAX = 120_000
const LOOK_MS = 50

export function planOf(
  options: Pick<LoadOptions, 'mode' | 'endpoints' | 'concurrency' | 'fifo' | 'connections'>,
): Plan {
  const { concurrency, fifo, connections } = options
  const plan = planOfMode(options)
  return { ...plan, concurrency, fifo, connections: connections ?? plan.connections }
}

function planOfMode({ mode, endpoints }: Pick<LoadOptions, 'mode' | 'endpoints'>): Omit<Plan, 'concurrency' | 'fifo'> {
  const batch = { eventsPerCall: BATCH_EVENTS, connections: 16, windowEvents: 2_000 }
  const single = { eventsPerCall: null, connections: 256, windowEvents: 2_000 }
  switch (mode) {
    case 'batch':
      return { ...spread(endpoints), ...batch }
    case 'single':
      return { ...spread(endpoints), ...single }
    case 'fanout10':
      return { accounts: 1, endpointsPerAccount: 10, fanOut: 10, ...batch, windowEvents: 400 }
    case 'backlog1m':
      return { ...spread(10), ...batch }
    case 'noisy':
      return { ...spread(500), ...batch, eventsPerCall: 10 }
    case 'workers2':
    case 'workers4':
      return { ...spread(1_000), ...batch }
    case 'aged':
      return { ...spread(100), ...batch }
    case 'slow1':
    case 'slow10':
    case 'endpoints10k':
      return { ...spread(10_000), ...batch, windowEvents: 4_000 }
    default:
      return mode satisfies never
  }
}

/** Are API and workers processes of their own? */
function isApart(mode: Options['mode'] | undefined): boolean {
  return mode === 'workers2' || mode === 'workers4'
}

function spread(endpoints: number) {
  const endpointsPerAccount = Math.min(endpoints, ENDPOINTS_PER_ACCOUNT)
  return { accounts: Math.ceil(endpoints / endpointsPerAccount), endpointsPerAccount, fanOut: 1 }
}

/** Starts everything on a folder, a temporary one unless it is to be kept; `close` ends and removes it all, whatever has happened. */
export async function openStage(
  options: Pick<Options, 'seed' | 'profile' | 'keep'> & Partial<Pick<Options, 'mode'>>,
  say: (words: string) => void,
): Promise<{ stage: Stage; close: () => Promise<void> }> {
  const { keep } = options
  const folder = keep === null ? mkdtempSync(join(tmpdir(), 'producersync-bench-')) : resolve(keep)
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o711) // PostgreSQL's user goes through it
  const processes = new Processes()
  const close = async () => {
    await processes.end()
    if (keep === null) rmSync(folder, { recursive: true, force: true })
  }
  try {
    const dataDir = join(folder, 'data')
    const sink = processes.helper<SinkCommands>('./sink.ts')
    const publisher = processes.helper<PublisherCommands>('./publisher.ts')
    const bare = processes.helper<BareCommands>('./bare-sender.ts')
    const sinkPort = await sink.ask('listen')
    const mortalPort = await sink.ask('listen')
    say('starting the service')
    const receivers = [sinkPort, mortalPort].flatMap((port) => SINK_ADDRESSES.map((address) => `${address}:${port}`))
    const first = await startService(processes, dataDir, receivers)
    const key = first.key ?? keptKey(folder)
    if (key === null) throw new Error('the first start of the service showed no environment key')
    if (keep !== null) keepKey(folder, key)
    await countStatements(dataDir)
    await first.end()
    const apart = isApart(options.mode)
    const service = await startService(processes, dataDir, receivers, {
      inspected: options.profile !== null,
      roles: apart || options.mode === 'statements' ? 'api,updates,portal' : undefined,
    })
    const workers = apart ? [await startWorker(processes, dataDir, receivers)] : []
    const api = new Api(service.url, key)
    const { seed } = options
    return {
      stage: {
        processes,
        folder,
        dataDir,
        service,
        workers,
        receivers,
        api,
        sink,
        publisher,
        bare,
        sinkPort,
        mortalPort,
        seed,
        say,
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Makes the plan's accounts and endpoints, waits until each endpoint has proven itself, and tells the publisher of them. */
export async function prepare(stage: Stage, plan: Plan): Promise<Receivers> {
  const { api, sink, sinkPort, say } = stage
  const { accounts, endpointsPerAccount, fanOut, concurrency, fifo } = plan
  const count = accounts * endpointsPerAccount
  say(`making ${count} endpoint${count === 1 ? '' : 's'} in ${accounts} account${accounts === 1 ? '' : 's'}`)
  const wanted = { accounts, endpointsPerAccount, channels: fanOut === 1, concurrency, fifo }
  const receivers = await makeReceivers(api, wanted, (number) => endpointUrl(sinkPort, number))
  await untilReceived(sink, count)
  await sink.ask('forget')
  await publish(stage, plan, receivers.accountIds)
  return receivers
}

/** What is published from now on goes to these accounts. */
export async function publish(stage: Stage, plan: Plan, accountIds: readonly string[]): Promise<void> {
  const { api, publisher, seed } = stage
  await publisher.ask('prepare', {
    port: api.port,
    key: api.key,
    accountIds: [...accountIds],
    channels: plan.fanOut === 1 ? plan.endpointsPerAccount : 0,
    eventsPerCall: plan.eventsPerCall,
    seed,
  })
}

export async function untilReceived(sink: Stage['sink'], count: number): Promise<void> {
  const endsAt = performance.now() + PROVEN_MS_MAX
  while ((await sink.ask('count')).received < count) {
    if (performance.now() > endsAt) throw new Error('the test requests of the endpoints have not come')
    await pause(LOOK_MS)
  }
}

export async function pause(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  setTimeout(resolve, ms)
  await promise
}
