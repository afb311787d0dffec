import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { type RigDatabase, startRunDatabase } from '../chaos/database.ts'
import { databaseUrl, serviceEnvironment } from '../chaos/environment.ts'
import type { Opened } from '../chaos/opened.ts'
import { ServiceProcess } from '../chaos/service-process.ts'
import { makeKey } from '../chaos/world.ts'
import type { Break } from './options.ts'
import type { Observed } from './preload.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const PRELOAD = new URL('./preload.ts', import.meta.url).href
/** Log lines that no receiver excuses. */
const COMPLAINTS: readonly string[] = ['service.broken', 'delivery.attempt_broken']

/** What every part of a run has: a folder, a database, and where the processes of the service are counted. */
export type Stage = {
  folder: string
  database: RigDatabase
  postgres: string
  /** Of every service on this database: it has one master key. */
  environment: Record<string, string>
  opened: Opened
  /** Processes that ended although nobody had asked them to, and what the others complained of. */
  crashes: string[]
  signal: AbortSignal
  tell: (text: string) => void
}

export type ServiceOrders = {
  name: string
  url: string
  break: Break | null
  environment: Record<string, string>
  through?: readonly string[]
}

export type RunningService = { process: ServiceProcess; observe: () => Promise<Observed> }

export async function openStage(
  parts: Pick<Stage, 'opened' | 'signal' | 'tell'> & { fail: (reason: string) => void },
): Promise<Stage> {
  const { folder, database } = await startRunDatabase('hostile', {}, parts.opened, parts.fail)
  const postgres = await database.asSuperuser(async (client) => {
    const { rows } = await client.query<{ server_version: string }>('show server_version')
    return rows[0]?.server_version ?? ''
  })
  return { ...parts, folder, database, postgres, environment: serviceEnvironment(folder, []), crashes: [] }
}

/** Starts the service by its production entry; it ends with the run. */
export async function startService(stage: Stage, orders: ServiceOrders): Promise<RunningService> {
  const { folder, database, crashes, opened } = stage
  const socket = join(folder, `${orders.name}.sock`)
  const service = new ServiceProcess(
    {
      name: orders.name,
      entry: ['--import', PRELOAD, MAIN],
      url: orders.url,
      proxy: null,
      environment: {
        ...orders.environment,
        DATABASE_URL: databaseUrl(database.connection.socketDir, database.connection),
        HOSTILE_SOCKET: socket,
        ...(orders.break ? { HOSTILE_BREAK: orders.break } : {}),
      },
      ...(orders.through ? { through: orders.through } : {}),
    },
    {
      logged(owner, { event }) {
        if (COMPLAINTS.includes(event)) crashes.push(`${owner}: ${event}`)
      },
      started: (processId) => database.adopt(processId),
      ended(processId, owner, how, asked) {
        database.disown(processId)
        if (!asked) crashes.push(`${owner} ended (${how})`)
      },
    },
  )
  opened.end(() => service.close())
  await service.start()
  return {
    process: service,
    observe: async () => {
      const told: Observed = JSON.parse(await text(connect(socket)))
      return told
    },
  }
}

/** Settings of every service of the rig: accounts may publish as fast as they like. */
export function environmentOf({ environment }: Stage, loopbackReceivers: readonly string[]): Record<string, string> {
  return {
    ...environment,
    LOOPBACK_RECEIVERS: loopbackReceivers.join(','),
    PSAPI_SERVER_ACCOUNT_EVENTS_PER_SECOND: '1000000',
  }
}

export async function newKey({ database }: Stage): Promise<string> {
  return await makeKey(database.connection)
}
