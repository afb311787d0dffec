import { randomBytes } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SimulatorControl } from '#src/simulator/simulator-control.ts'
import { startSimulator } from '#src/simulator/simulator-process.ts'
import type { NiprClient } from '#src/updates/feed/nipr-client.ts'
import { RigDatabase } from '../chaos/database.ts'
import { FeedClock } from './feed-clock.ts'
import { niprClient, USER } from './nipr.ts'
import { AnnouncementReceiver } from './receiver.ts'
import { Service } from './service.ts'
import { Wire } from './wire.ts'

/** All that plays a part: the service on a database of its own, the simulator behind a wire, and a receiver. */
export type Stage = {
  database: RigDatabase
  receiver: AnnouncementReceiver
  simulator: SimulatorControl
  /** The feed's name at the simulator. */
  user: string
  /** Reaches the simulator past the wire. */
  nipr: NiprClient
  clock: FeedClock
  wire: Wire
  /** With the role `updates`. */
  service: Service
  /** With the role `api`: the same one unless it was to be split. */
  api: Service
  /** Of the API. */
  url: string
}

const LOADS_PER_SECOND = 2_000

/** @param opened  told what to do at the end, in reverse */
export async function openStage(
  { seed, changed, split }: { seed: string; changed: number; split: boolean },
  opened: (end: () => unknown) => void,
): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'daily-'))
  const database = await RigDatabase.start(folder, {}, () => {})
  opened(() => database.stop())
  const receiver = await AnnouncementReceiver.start()
  opened(() => receiver.close())
  const simulated = await startSimulator()
  opened(() => simulated.stop())
  const simulator = new SimulatorControl(simulated.url, simulated.controlToken)
  opened(() => simulator.close())
  const password = randomBytes(16).toString('hex')
  await simulator.defineFeed(USER, { password, seed, holidays: [], changeShare: changed })
  const nipr = niprClient(simulated.url, password)
  opened(() => nipr.close())
  const wire = await Wire.start(new URL(simulated.url))
  opened(() => wire.close())
  const settings = await settingsOf(folder, database, receiver)
  const start = async (roles: string) => {
    const service = new Service({ ...settings, ROLES: roles }, [wire.url, password], (id) => database.adopt(id))
    opened(() => service.stop('SIGKILL'))
    await service.start()
    return service
  }
  const service = await start(split ? 'worker,updates' : 'api,worker,updates')
  const api = split ? await start('api') : service
  const clock = new FeedClock(database, simulator, USER)
  const url = `http://127.0.0.1:${settings.PORT}`
  return { database, receiver, simulator, user: USER, nipr, clock, wire, service, api, url }
}

async function settingsOf(folder: string, database: RigDatabase, receiver: AnnouncementReceiver) {
  const keyFile = join(folder, 'master-key')
  writeFileSync(keyFile, randomBytes(32).toString('base64'), { mode: 0o600 })
  const { socketDir, port, user, database: name } = database.connection
  return {
    DATABASE_URL: `postgresql://${user}@localhost:${port}/${name}?host=${encodeURIComponent(socketDir)}`,
    MASTER_KEY_FILE: keyFile,
    PORT: String(await freePort()),
    ADMIN_PORT: '0',
    PSAPI_SERVER_HOST: '127.0.0.1',
    LOOPBACK_RECEIVERS: receiver.address,
    NIPR_FEED: 'simulator',
    PSAPI_SERVER_SIMULATOR_REPORTS_PER_SECOND: String(LOADS_PER_SECOND),
  }
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise<void>((resolve) => probe.close(() => resolve()))
  return port
}
