import { join } from 'node:path'
import { type CpuReading, ownMs, readCpu, rssBytes } from './cpu.ts'
import { type DatabaseReading, forgetStatements, readDatabase, writeStatements } from './database-figures.ts'
import { rounded } from './figures.ts'
import { startProfile } from './profiler.ts'
import type { Published } from './publisher.ts'
import { type Plan, pause, type Stage } from './stage.ts'

/** Requests of the bare sender to the same sink, in the same run. */
export type BareFigures = { perS: number; senderCores: number; sinkCores: number; sinkLoad: number; cpuUs: number }

/** What a stretch of publishing came to. */
export type LoadFigures = {
  seconds: number
  acceptedPerS: number
  deliveredPerS: number
  /** Of the largest process of the service. */
  serviceRssBytes: number
  /** µs of each process per delivery. */
  cpuUs: { service: number; postgres: number; sink: number; publisher: number }
  cores: { service: number; postgres: number; sink: number; publisher: number; others: number }
  /** Shares of time in which they had something to do. */
  load: { sink: number; publisher: number }
  database: { statementsPerEvent: number; commitsPerEvent: number; walBytesPerEvent: number; diskBytesPerEvent: number }
  fullPagesPerS: number
  published: Published
  /** Monotonic ms. */
  startedAt: number
  endedAt: number
}

/** A stretch starts when publishing has come to its pace. */
const RAMP_MS = 500
const DRAIN_MS_MAX = 60_000
const LOOK_MS = 20

export async function measureBare(stage: Stage, connections: number, seconds: number): Promise<BareFigures> {
  const { bare, sink, sinkPort: port, seed, say } = stage
  say(`bare sender, ${connections} connections, ${seconds} s`)
  await bare.ask('send', { port, connections, seconds: Math.min(1, seconds / 2), seed }) // both come to their pace
  await sink.ask('count')
  const before = { bare: ownMs(bare.pid), sink: ownMs(sink.pid) }
  const { delivered, failed, seconds: took } = await bare.ask('send', { port, connections, seconds, seed })
  const bareMs = ownMs(bare.pid) - before.bare
  const sinkMs = ownMs(sink.pid) - before.sink
  const { load } = await sink.ask('count')
  if (failed > 0) throw new Error(`${failed} requests of the bare sender failed`)
  return {
    perS: Math.round(delivered / took),
    senderCores: rounded(bareMs / took / 1_000, 2),
    sinkCores: rounded(sinkMs / took / 1_000, 2),
    sinkLoad: rounded(load, 2),
    cpuUs: rounded((bareMs * 1_000) / delivered, 1),
  }
}

export type Stretch = {
  /** Events a second; null: as many as are delivered. */
  rate: number | null
  seconds: number
  /** Where a profile of the service goes; null: nowhere. */
  profileFolder: string | null
  /** At full rate: it goes on until this has been done. */
  meanwhile?: Promise<void>
}

/** Publishes for so many seconds and measures meanwhile. */
export async function measureLoad(
  stage: Stage,
  plan: Plan,
  { rate, seconds, profileFolder, meanwhile }: Stretch,
): Promise<LoadFigures> {
  const publishing = startPublishing(stage, plan, rate, seconds + RAMP_MS / 1_000)
  await pause(RAMP_MS)
  const profile = profileFolder === null ? null : await startProfiles(stage, profileFolder)
  const before = await read(stage)
  await Promise.race([pause(seconds * 1_000), publishing.ended])
  await meanwhile
  const after = await read(stage)
  await profile?.stop()
  const published = await publishing.stop()
  return { ...difference(before, after, plan), published, startedAt: before.at, endedAt: after.at }
}

/** Waits until everything that was accepted for endpoints which answer has been delivered. @returns whether it has */
export async function drain({ sink, publisher }: Stage, { fanOut }: Plan): Promise<boolean> {
  const endsAt = performance.now() + DRAIN_MS_MAX
  for (;;) {
    const { answering } = await publisher.ask('count')
    const { received } = await sink.ask('count')
    if (received >= answering * fanOut) return true
    if (performance.now() > endsAt) return false
    await pause(LOOK_MS)
  }
}

function startPublishing({ sink, publisher }: Stage, plan: Plan, rate: number | null, seconds: number) {
  const { connections, windowEvents, fanOut } = plan
  if (rate !== null) {
    const published = publisher.ask('open', { connections: connections * 4, eventsPerSecond: rate, seconds })
    return { ended: published.then(() => undefined), stop: () => published }
  }
  const published = publisher.ask('closed', { connections, windowEvents })
  const follow = sink.ask('tellProgress', true)
  sink.onProgress = (received) => void publisher.ask('delivered', Math.floor(received / fanOut))
  const stop = async () => {
    await follow
    await publisher.ask('stop')
    await sink.ask('tellProgress', false)
    return await published
  }
  return { ended: new Promise<void>(() => {}), stop }
}

async function startProfiles({ service, dataDir }: Stage, folder: string) {
  if (service.inspectorUrl === null) throw new Error('the service was started without an inspector')
  const walFrom = await forgetStatements(dataDir)
  const profile = await startProfile(service.inspectorUrl, join(folder, 'service.cpuprofile'))
  return {
    stop: async () => {
      await profile.stop()
      await writeStatements(dataDir, folder, walFrom)
    },
  }
}

type Reading = {
  at: number
  accepted: number
  received: number
  cpu: CpuReading
  database: DatabaseReading
  load: { sink: number; publisher: number }
  rss: number
}

async function read({ service, workers, sink, publisher, dataDir }: Stage): Promise<Reading> {
  const database = await readDatabase(dataDir)
  const published = await publisher.ask('count')
  const got = await sink.ask('count')
  const workerPids = workers.map(({ pid }) => pid)
  const pids = { service: service.pid, workers: workerPids, sink: sink.pid, publisher: publisher.pid }
  return {
    at: got.atMs,
    accepted: published.accepted,
    received: got.received,
    cpu: readCpu(pids),
    database,
    load: { sink: got.load, publisher: published.load },
    rss: Math.max(...[service.pid, ...workerPids].map(rssBytes)),
  }
}

function difference(before: Reading, after: Reading, { fanOut }: Plan) {
  const ms = after.at - before.at
  const delivered = after.received - before.received
  const events = delivered / fanOut
  const used = (name: keyof CpuReading) => after.cpu[name] - before.cpu[name]
  const grown = (name: keyof DatabaseReading) => after.database[name] - before.database[name]
  const perEvent = (name: keyof DatabaseReading, digits: number) => rounded(grown(name) / events, digits)
  const cpuUs = (name: keyof CpuReading) => rounded((used(name) * 1_000) / delivered, 1)
  const cores = (name: keyof CpuReading) => rounded(used(name) / ms, 2)
  const ours = used('service') + used('postgres') + used('sink') + used('publisher')
  return {
    seconds: rounded(ms / 1_000, 1),
    acceptedPerS: Math.round(((after.accepted - before.accepted) / ms) * 1_000),
    deliveredPerS: Math.round((delivered / ms) * 1_000),
    cpuUs: {
      service: cpuUs('service'),
      postgres: cpuUs('postgres'),
      sink: cpuUs('sink'),
      publisher: cpuUs('publisher'),
    },
    cores: {
      service: cores('service'),
      postgres: cores('postgres'),
      sink: cores('sink'),
      publisher: cores('publisher'),
      others: rounded(Math.max(0, used('machine') - ours) / ms, 2),
    },
    load: { sink: rounded(after.load.sink, 2), publisher: rounded(after.load.publisher, 2) },
    database: {
      statementsPerEvent: perEvent('statements', 4),
      commitsPerEvent: perEvent('commits', 4),
      walBytesPerEvent: perEvent('walBytes', 0),
      diskBytesPerEvent: perEvent('diskBytes', 0),
    },
    fullPagesPerS: Math.round((grown('fullPages') / ms) * 1_000),
    serviceRssBytes: after.rss,
  }
}
