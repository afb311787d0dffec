import { type Npn, parseNpn } from '#src/population/npn.ts'
import type { DefinedFeed } from '#src/simulator/feed-definition.ts'
import { isNamed, isUnknown } from '#src/simulator/truth.ts'
import { addDays, chicagoMoment } from '#src/updates/calendar.ts'
import { ALERT_KINDS } from '#src/updates/feed/feed.ts'
import type { NiprClient } from '#src/updates/feed/nipr-client.ts'
import type { LocalDate } from '#src/updates/local-date.ts'
import { firstOwedDay, STANDARD_CALENDAR } from '#src/updates/schedule.ts'
import { announced, reckon } from './announced.ts'
import { storeCopies } from './copies.ts'
import { playDay, type SeenRun } from './days.ts'
import { Mirror } from './mirror.ts'
import type { Options } from './options.ts'
import { planDays } from './plan.ts'
import { isSoon, Reading, type ReadTimes, slowdown } from './reading.ts'
import { openStage } from './stage.ts'
import { mismatches } from './truth.ts'
import { chooseNpns, makeWorld, monitor, share, waitUntilLoaded } from './world.ts'

export type LargeReport = {
  command: 'daily'
  mode: 'large'
  ok: boolean
  seed: string
  npns: number
  changed: number
  accounts: number
  records: number
  changedNpns: number
  changedRecords: number
  runSeconds: number | null
  durationsMs: SeenRun['durationsMs']
  copyMismatches: number
  missedAnnouncements: number
  duplicateAnnouncements: number
  peakMemoryMb: number
  readsBefore: ReadTimes | null
  readsDuring: ReadTimes | null
  readSlowdownP99: number | null
  /** What the rig itself took: first loads, copies, telling NIPR. */
  preparedSeconds: number
  error: string | null
}

const RECORDS_PER_NPN_MAX = 40
const REQUESTS_PER_CLIENT = 250
const TARGETS_PER_CALL = 1_000

/**
 * One business day over a large population. Only the producers that change on it are loaded from the simulator; the others are
 * copies of them in the database, of which the simulator knows that they are targets. What has been announced is pulled, and
 * compared with the simulator.
 */
export async function playLarge(
  options: Options,
  tell: (text: string) => void,
  opened: (end: () => unknown) => void,
): Promise<LargeReport> {
  const stage = await openStage(options, opened)
  const { database, receiver, simulator, defined, user, nipr, clock, service, api, url } = stage
  const [planned] = planDays(addDays(firstOwedDay(new Date(), STANDARD_CALENDAR), -1), 1, 'none')
  if (!planned) throw new Error('no day')
  const { day } = planned
  const { changing, others } = divide(chooseNpns(options.npns), defined, day)
  tell(`${changing.length} of ${options.npns} producers change on ${day}`)

  const shares = share(changing, options.accounts)
  const clients = Math.max(2, Math.ceil(((shares[0]?.length ?? 0) * RECORDS_PER_NPN_MAX) / 1_000 / REQUESTS_PER_CLIENT))
  const { connection } = database
  const receiverUrl = `http://${receiver.address}`
  const { operator, accounts, readers } = await makeWorld({ url, connection, receiverUrl, shares, clients })
  await clock.moveTo(chicagoMoment(day, 9 * 60))
  const preparingAt = performance.now()
  await Promise.all(accounts.map((account) => monitor(account)))
  await Promise.all(accounts.map(({ api, npns }) => waitUntilLoaded(api, npns.length)))
  const records = await storeCopies(database, others)
  tell(`${records} records copied within the database after ${since(preparingAt)} s`)
  await watch(nipr, others)
  const preparedSeconds = since(preparingAt)
  tell(`prepared in ${preparedSeconds} s, peak memory ${service.peakMemoryMb} MB`)

  const reading = new Reading(options.alone ? [] : readers, accounts[0]?.npns ?? [], addDays(day, -2))
  const { reads, result: seen } = await reading.around(() => playDay({ ...stage, operator }, planned))
  const { state, counts, durationsMs } = seen
  tell(`${day}: ${state}, ${counts.changedNpns} producers changed, ${JSON.stringify(durationsMs)} ms`)
  await announced(receiver, accounts, day)
  let copyMismatches = 0
  for (const account of accounts) {
    const mirror = new Mirror(account.api)
    await mirror.pull(day)
    copyMismatches += (await mismatches(mirror, simulator, user, day, account.npns)).length
    copyMismatches += Math.max(0, mirror.npns.size - account.npns.length) // what is missing has been counted
  }
  const { missed, duplicate } = reckon(receiver, accounts, [seen])
  return {
    command: 'daily',
    mode: 'large',
    ok: copyMismatches + missed + duplicate === 0 && state === 'published' && (!reads || isSoon(reads)),
    seed: options.seed,
    npns: options.npns,
    changed: options.changed,
    accounts: accounts.length,
    records,
    changedNpns: counts.changedNpns,
    changedRecords: counts.inserted + counts.updated + counts.deleted,
    runSeconds: durationsMs && (durationsMs.alerts + durationsMs.details + durationsMs.publish) / 1_000,
    durationsMs,
    copyMismatches,
    missedAnnouncements: missed,
    duplicateAnnouncements: duplicate,
    peakMemoryMb: Math.max(service.peakMemoryMb, api.peakMemoryMb),
    readsBefore: reads?.before ?? null,
    readsDuring: reads?.during ?? null,
    readSlowdownP99: reads && slowdown(reads),
    preparedSeconds,
    error: null,
  }
}

/** By whether the simulator names them in the alerts of the day; those that NIPR does not know are left out. */
function divide(
  npns: readonly string[],
  { world, days }: DefinedFeed,
  day: LocalDate,
): { changing: Npn[]; others: Npn[] } {
  const known = npns.flatMap((text) => parseNpn(text) ?? []).filter((npn) => !isUnknown(npn))
  const isChanging = Map.groupBy(known, (npn) => ALERT_KINDS.some((kind) => isNamed(world, days, npn, day, kind)))
  return { changing: isChanging.get(true) ?? [], others: isChanging.get(false) ?? [] }
}

/** As the service tells NIPR of those that join. */
async function watch(nipr: NiprClient, npns: readonly Npn[]): Promise<void> {
  for (let start = 0; start < npns.length; start += TARGETS_PER_CALL) {
    const some = npns.slice(start, start + TARGETS_PER_CALL)
    const answer = await nipr.changeTargets('add', some, new AbortController().signal)
    if (answer.kind === 'failed') throw new Error(`the simulator takes no targets: ${answer.cause}`)
  }
}

function since(startedAt: number): number {
  return Math.round((performance.now() - startedAt) / 100) / 10
}
