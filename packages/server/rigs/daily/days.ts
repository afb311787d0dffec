import { setTimeout as sleep } from 'node:timers/promises'
import { addDays, chicagoMoment } from '#src/updates/calendar.ts'
import type { Api } from './api.ts'
import type { PlannedDay } from './plan.ts'
import type { Stage } from './stage.ts'

/** A run as the operator's view has it. */
export type SeenRun = {
  runDate: string
  state: string
  late: boolean
  startedAt: string | null
  publishedAt: string | null
  message: string | null
  durationsMs: { alerts: number; details: number; publish: number } | null
  counts: {
    inserted: number
    updated: number
    deleted: number
    accounts: number
    changedNpns: number
    deferred: number
  }
}

/** What a day is played with. */
export type Play = Pick<Stage, 'service' | 'wire' | 'simulator' | 'user' | 'clock'> & { operator: Api }

const RUN_AT = 10 * 60 + 15
const HALF_AN_ANSWER_BYTES = 1_500
const DOWN_MS = 3_000
/** What passes must be seen; the end of a run stays, and looking is work too. */
const LOOK_MS = 20
const LOOK_FOR_END_MS = 250
const WAIT_MS_MAX = 1_800_000

/** Plays a business day with its fault. @returns its run, when it has ended */
export async function playDay(play: Play, { day, fault }: PlannedDay): Promise<SeenRun> {
  const { service, wire, simulator, user, clock } = play
  const begin = () => clock.moveTo(chicagoMoment(day, RUN_AT))
  const until = (what: string, isSo: (run: SeenRun) => boolean) => untilRun(play, day, what, isSo)
  switch (fault) {
    case 'none':
      await begin()
      break
    case 'bulk_expiry':
      await simulator.setScenario(user, day, 'bulk_expiry')
      await begin()
      break
    case 'kill':
      await begin()
      await until('reads details', ({ state }) => state !== 'scheduled')
      await service.crash()
      break
    case 'kill_publishing':
      await begin()
      await until('publishes', ({ state }) => state === 'publishing' || state === 'published')
      await service.crash()
      break
    case 'feed_down':
      wire.down()
      await begin()
      await sleep(DOWN_MS)
      wire.up()
      break
    case 'half_report':
      wire.cutNextAnswer(HALF_AN_ANSWER_BYTES)
      await begin()
      break
    case 'late': {
      const before = wire.faults
      wire.down()
      await begin()
      while (wire.faults === before) await sleep(LOOK_MS)
      await clock.moveTo(chicagoMoment(addDays(day, 1), 30))
      wire.up()
      break
    }
    case 'no_report':
      await simulator.setScenario(user, day, 'no_report')
      await begin()
      await until('waits', ({ message }) => message === 'NIPR has not delivered yet')
      await clock.moveTo(chicagoMoment(day, 20 * 60))
      break
  }
  const isOver = ({ state }: SeenRun) => ['published', 'no_report', 'failed', 'held'].includes(state)
  return await untilRun(play, day, 'has ended', isOver, LOOK_FOR_END_MS)
}

async function untilRun(
  { operator }: Play,
  day: string,
  what: string,
  isSo: (run: SeenRun) => boolean,
  lookMs = LOOK_MS,
): Promise<SeenRun> {
  const giveUpAtMs = performance.now() + WAIT_MS_MAX
  for (;;) {
    const [run] = await readRuns(operator, day)
    if (run && isSo(run)) return run
    if (performance.now() > giveUpAtMs) throw new Error(`the run of ${day} never ${what}: ${JSON.stringify(run)}`)
    await sleep(lookMs)
  }
}

async function readRuns(operator: Api, day: string): Promise<SeenRun[]> {
  const path = `/v1/admin/runs?feedId=production&from=${day}&to=${day}`
  const { embedded } = (await operator.get(path)) as { embedded?: { runs: SeenRun[] } }
  return embedded?.runs ?? []
}
