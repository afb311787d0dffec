import { addDays, chicagoMoment } from '#src/updates/calendar.ts'
import { firstOwedDay, STANDARD_CALENDAR } from '#src/updates/schedule.ts'
import { announced, reckon } from './announced.ts'
import { type Play, playDay, type SeenRun } from './days.ts'
import { type LargeReport, playLarge } from './large.ts'
import { Mirror } from './mirror.ts'
import type { Options } from './options.ts'
import { planDays } from './plan.ts'
import { newcomersWanted, Populations } from './population.ts'
import { isSoon, Reading, type Reads, type ReadTimes, slowdown } from './reading.ts'
import { openStage } from './stage.ts'
import { mismatches } from './truth.ts'
import { chooseNpns, makeWorld, monitor, share, waitUntilLoaded } from './world.ts'

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

const RECORDS_PER_NPN_MAX = 40
const REQUESTS_PER_CLIENT = 250

/** Plays the days, and judges what the clients have copied. Leaves no process and no file behind, however it ends. */
export async function run(options: Options, tell: (text: string) => void): Promise<Report | LargeReport> {
  const ends: (() => unknown)[] = []
  try {
    return await (options.large ? playLarge : play)(options, tell, (end) => ends.push(end))
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

async function play(
  options: Options,
  tell: (text: string) => void,
  opened: (end: () => unknown) => void,
): Promise<Report> {
  const stage = await openStage(options, opened)
  const { database, receiver, simulator, user, clock, service, api, url, wire } = stage

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
  const play: Play = { ...stage, operator }
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
  let reads: Reads | null = null
  for (const planned of days) {
    if (planned !== first) await populations.change()
    let seen: SeenRun
    if (planned === days.at(-1) && planned !== first) {
      const reading = new Reading(readers, populations.npnsOf(accounts[0]?.id ?? ''), addDays(planned.day, -1))
      ;({ reads, result: seen } = await reading.around(() => playDay(play, planned)))
    } else seen = await playDay(play, planned)
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
      announcedBeforeReadable += (await mismatches(mirror, simulator, user, planned.day, npns)).length
    }
  }

  const last = days.at(-1)?.day ?? first.day
  let copyMismatches = 0
  for (const { account, mirror } of members) {
    const npns = populations.npnsOf(account.id)
    const fresh = new Mirror(account.api)
    await fresh.pull()
    const wrong = new Set(await mismatches(mirror, simulator, user, last, npns))
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
    ok:
      copyMismatches + announcedBeforeReadable + missed + duplicate === 0 &&
      runs.at(-1)?.state === 'published' &&
      (!reads || isSoon(reads)),
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
    readSlowdownP99: reads && slowdown(reads),
    kills: service.kills,
    wireFaults: wire.faults,
    complaints: service.complaints.length,
    error: null,
  }
}

function secondsOf({ startedAt, publishedAt }: SeenRun): number | null {
  return startedAt && publishedAt ? seconds(Date.parse(publishedAt) - Date.parse(startedAt)) : null
}

function seconds(ms: number): number {
  return Math.round(ms / 10) / 100
}
