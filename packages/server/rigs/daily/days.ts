import { setTimeout as sleep } from 'node:timers/promises'
import type { SimulatorControl } from '#src/simulator/simulator-control.ts'
import { addDays, chicagoMoment } from '#src/updates/calendar.ts'
import type { Api } from './api.ts'
import type { FeedClock } from './feed-clock.ts'
import type { PlannedDay } from './plan.ts'
import type { Service } from './service.ts'
import type { Wire } from './wire.ts'

/** A run as the operator's view has it. */
export type SeenRun = {
  runDate: string
  state: string
  late: boolean
  startedAt: string | null
  publishedAt: string | null
  message: string | null
  counts: {
    inserted: number
    updated: number
    deleted: number
    accounts: number
    changedNpns: number
    deferred: number
  }
}

export type Stage = {
  operator: Api
  service: Service
  wire: Wire
  simulator: SimulatorControl
  user: string
  clock: FeedClock
}

const RUN_AT = 10 * 60 + 15
const HALF_AN_ANSWER_BYTES = 1_500
const DOWN_MS = 3_000
const LOOK_MS = 20
const WAIT_MS_MAX = 1_800_000

/** Plays a business day with its fault. @returns its run, when it has ended */
export async function playDay(stage: Stage, { day, fault }: PlannedDay): Promise<SeenRun> {
  const { service, wire, simulator, user, clock } = stage
  const begin = () => clock.moveTo(chicagoMoment(day, RUN_AT))
  const until = (what: string, isSo: (run: SeenRun) => boolean) => untilRun(stage, day, what, isSo)
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
  return await until('has ended', ({ state }) => ['published', 'no_report', 'failed', 'held'].includes(state))
}

async function untilRun(
  { operator }: Stage,
  day: string,
  what: string,
  isSo: (run: SeenRun) => boolean,
): Promise<SeenRun> {
  const giveUpAtMs = performance.now() + WAIT_MS_MAX
  for (;;) {
    const [run] = await readRuns(operator, day)
    if (run && isSo(run)) return run
    if (performance.now() > giveUpAtMs) throw new Error(`the run of ${day} never ${what}: ${JSON.stringify(run)}`)
    await sleep(LOOK_MS)
  }
}

async function readRuns(operator: Api, day: string): Promise<SeenRun[]> {
  const path = `/v1/admin/runs?feedId=production&from=${day}&to=${day}`
  const { embedded } = (await operator.get(path)) as { embedded?: { runs: SeenRun[] } }
  return embedded?.runs ?? []
}
