import { randomBytes } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SimulatorControl } from '#src/simulator/simulator-control.ts'
import { startSimulator } from '#src/simulator/simulator-process.ts'
import { addDays, chicagoMoment } from '#src/updates/calendar.ts'
import { firstOwedDay, STANDARD_CALENDAR } from '#src/updates/schedule.ts'
import { RigDatabase } from '../chaos/database.ts'
import { playDay, type SeenRun, type Stage } from './days.ts'
import { FeedClock } from './feed-clock.ts'
import { Mirror } from './mirror.ts'
import type { Options } from './options.ts'
import { planDays } from './plan.ts'
import { newcomersWanted, Populations } from './population.ts'
import { Reading, type ReadTimes } from './reading.ts'
import { AnnouncementReceiver } from './receiver.ts'
import { Service } from './service.ts'
import { mismatches } from './truth.ts'
import { Wire } from './wire.ts'
import { chooseNpns, makeWorld, monitor, type RigAccount, share, waitUntilLoaded } from './world.ts'

export type Report = {
  command: 'daily'
  ok: boolean
  seed: string
  days: number
  npns: number
  accounts: number
  changedRecords: number
  copyMismatches: number
  announcedBeforeReadable: number
  missedAnnouncements: number
  duplicateAnnouncements: number
  runSecondsP50: number | null
  runSecondsMax: number | null
  firstLoadSeconds: number
  recordsPerSecond: number
  records: number
  peakMemoryMb: number
  /** Reads in the seconds before the last day's run, and during it. */
  readsBefore: ReadTimes | null
  readsDuring: ReadTimes | null
  readSlowdownP99: number | null
  kills: number
  wireFaults: number
  complaints: number
  error: string | null
}

/** Of the seconds before the last day's run, and of the run. */
type Reads = { before: ReadTimes; during: ReadTimes } | null

const USER = 'production'
const RECORDS_PER_NPN_MAX = 40
const REQUESTS_PER_CLIENT = 250
const ANNOUNCED_MS_MAX = 60_000
const LOADS_PER_SECOND = 2_000
const READ_BEFORE_MS = 15_000

/** Plays the days, and judges what the clients have copied. Leaves no process and no file behind, however it ends. */
export async function run(options: Options, tell: (text: string) => void): Promise<Report> {
  const ends: (() => unknown)[] = []
  try {
    return await play(options, tell, (end) => ends.push(end))
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

async function play(
  options: Options,
  tell: (text: string) => void,
  opened: (end: () => unknown) => void,
): Promise<Report> {
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
  await simulator.defineFeed(USER, { password, seed: options.seed, holidays: [] })
  const wire = await Wire.start(new URL(simulated.url))
  opened(() => wire.close())
  const settings = await settingsOf(folder, database, receiver)
  const start = async (roles: string) => {
    const service = new Service({ ...settings, ROLES: roles }, [wire.url, password], (id) => database.adopt(id))
    opened(() => service.stop('SIGKILL'))
    await service.start()
    return service
  }
  const service = await start(options.split ? 'worker,updates' : 'api,worker,updates')
  const api = options.split ? await start('api') : service
  const url = `http://127.0.0.1:${settings.PORT}`

  const chosen = chooseNpns(options.npns + newcomersWanted(options.npns, options.days))
  const npns = chosen.slice(0, options.npns)
  const shares = share(npns, options.accounts)
  const clients = Math.max(2, Math.ceil(((shares[0]?.length ?? 0) * RECORDS_PER_NPN_MAX) / 1_000 / REQUESTS_PER_CLIENT))
  const { operator, accounts, readers } = await makeWorld({
    url,
    connection: database.connection,
    receiverUrl: `http://${receiver.address}`,
    shares,
    clients,
  })
  const clock = new FeedClock(database, simulator, USER)
  const stage: Stage = { operator, service, wire, simulator, user: USER, clock }
  const lastDay = options.bulkExpiry ? 'bulk_expiry' : 'none'
  const days = planDays(addDays(firstOwedDay(new Date(), STANDARD_CALENDAR), -1), options.days, lastDay)
  const [first] = days
  if (!first) throw new Error('no days')
  await clock.moveTo(chicagoMoment(first.day, 9 * 60))

  const loadingAt = performance.now()
  await Promise.all(accounts.map((account) => monitor(account)))
  await Promise.all(accounts.map(({ api, npns }) => waitUntilLoaded(api, npns.length)))
  const firstLoadSeconds = seconds(performance.now() - loadingAt)
  tell(`${npns.length} producers loaded in ${firstLoadSeconds} s, peak memory ${service.peakMemoryMb} MB`)
  const members = accounts.map((account) => ({ account, mirror: new Mirror(account.api) }))
  const copied = members.map(({ mirror }) => mirror)
  for (const mirror of copied) await mirror.pull()
  const populations = new Populations(members, chosen.slice(options.npns))
  receiver.onDeactivated = (id, npn) => members.find(({ account }) => account.id === id)?.mirror.drop(npn)
  const records = copied.reduce((sum, { pulled }) => sum + pulled, 0)
  const recordsPerSecond = Math.round(records / copied.reduce((sum, { pullMs }) => sum + pullMs / 1_000, 0))
  tell(`${records} records copied, ${recordsPerSecond}/s, peak memory ${service.peakMemoryMb} MB`)

  const runs: SeenRun[] = []
  let announcedBeforeReadable = 0
  let reads: Reads = null
  for (const planned of days) {
    if (planned !== first) await populations.change()
    let seen: SeenRun
    if (planned === days.at(-1) && planned !== first) {
      const reading = new Reading(readers, populations.npnsOf(accounts[0]?.id ?? ''), addDays(planned.day, -1))
      const { times: before } = await reading.during(() => sleep(READ_BEFORE_MS))
      const { times, result } = await reading.during(() => playDay(stage, planned))
      reads = { before, during: times }
      seen = result
    } else seen = await playDay(stage, planned)
    runs.push(seen)
    const { state, counts } = seen
    tell(
      `${planned.day} ${planned.fault}: ${state}, ${counts.changedNpns} producers changed, ${secondsOf(seen) ?? '-'} s`,
    )
    if (state !== 'published') continue
    await announced(receiver, accounts, planned.day)
    for (const { account, mirror } of members) {
      await mirror.pull(planned.day)
      const npns = populations.npnsOf(account.id)
      announcedBeforeReadable += (await mismatches(mirror, simulator, USER, planned.day, npns)).length
    }
  }

  const last = days.at(-1)?.day ?? first.day
  let copyMismatches = 0
  for (const { account, mirror } of members) {
    const npns = populations.npnsOf(account.id)
    const fresh = new Mirror(account.api)
    await fresh.pull()
    const wrong = new Set(await mismatches(mirror, simulator, USER, last, npns))
    for (const npn of new Set([...npns, ...mirror.npns.keys(), ...fresh.npns.keys()]))
      if (mirror.recordsOf(npn).join() !== fresh.recordsOf(npn).join()) wrong.add(npn)
    if (wrong.size > 0) tell(`${account.id}: ${[...wrong].slice(0, 10).join(', ')} are not as the simulator has them`)
    copyMismatches += wrong.size
  }
  const { missed, duplicate } = reckon(receiver, accounts, runs)
  const took = runs.flatMap((each) => secondsOf(each) ?? []).sort((a, b) => a - b)
  const published = runs.filter(({ state }) => state === 'published')
  return {
    command: 'daily',
    ok: copyMismatches + announcedBeforeReadable + missed + duplicate === 0 && runs.at(-1)?.state === 'published',
    seed: options.seed,
    days: days.length,
    npns: npns.length,
    accounts: accounts.length,
    changedRecords: published.reduce((sum, { counts }) => sum + counts.inserted + counts.updated + counts.deleted, 0),
    copyMismatches,
    announcedBeforeReadable,
    missedAnnouncements: missed,
    duplicateAnnouncements: duplicate,
    runSecondsP50: took[Math.floor(took.length / 2)] ?? null,
    runSecondsMax: took.at(-1) ?? null,
    firstLoadSeconds,
    recordsPerSecond,
    records,
    peakMemoryMb: Math.max(service.peakMemoryMb, api.peakMemoryMb),
    readsBefore: reads?.before ?? null,
    readsDuring: reads?.during ?? null,
    readSlowdownP99: reads && Math.round((reads.during.p99Ms / reads.before.p99Ms) * 100) / 100,
    kills: service.kills,
    wireFaults: wire.faults,
    complaints: service.complaints.length,
    error: null,
  }
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

/** Until every account has been told of a day, or it should have been. */
async function announced(receiver: AnnouncementReceiver, accounts: readonly RigAccount[], day: string): Promise<void> {
  const isTold = ({ id }: RigAccount) =>
    receiver.announcements.some(({ account, runDate }) => account === id && runDate === day)
  const giveUpAtMs = performance.now() + ANNOUNCED_MS_MAX
  while (!accounts.every(isTold) && performance.now() < giveUpAtMs) await sleep(20)
}

function reckon(receiver: AnnouncementReceiver, accounts: readonly RigAccount[], runs: readonly SeenRun[]) {
  let [missed, duplicate] = [0, 0]
  for (const { runDate, state } of runs) {
    const expected = state === 'published' ? 1 : 0
    for (const { id } of accounts) {
      const told = receiver.announcements.filter((each) => each.account === id && each.runDate === runDate).length
      missed += Math.max(0, expected - told)
      duplicate += Math.max(0, told - expected)
    }
  }
  return { missed, duplicate }
}

function secondsOf({ startedAt, publishedAt }: SeenRun): number | null {
  return startedAt && publishedAt ? seconds(Date.parse(publishedAt) - Date.parse(startedAt)) : null
}

function seconds(ms: number): number {
  return Math.round(ms / 10) / 100
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise<void>((resolve) => probe.close(() => resolve()))
  return port
}
