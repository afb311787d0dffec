import { type LatencyFigures, latencyOf } from './latency.ts'
import { balance, type Ledger } from './ledger.ts'
import { type BareFigures, drain, type LoadFigures, measureBare, measureLoad } from './measure.ts'
import type { LoadOptions, Options } from './options.ts'
import { type Plan, planOf, prepare, type Stage } from './stage.ts'

/** Everything that a run has measured. */
export type Figures = {
  plan: Plan
  /** Of the bare sender: as many as the service had open. */
  connections: number
  bare: { before: BareFigures; after: BareFigures }
  full: LoadFigures
  half: LatencyLoad
  /** What stood beside the healthy endpoints, and how they fared with it; null in modes that have no such thing. */
  beside: { full: LoadFigures; half: LatencyLoad } | null
  /** Of modes that compare numbers of workers. */
  workers: WorkerFigures | null
  ledger: Ledger
  /** Has everything been delivered that could be? */
  drained: boolean
}
export type LatencyLoad = LoadFigures & LatencyFigures

/** How several workers share what there is. */
type WorkerFigures = {
  count: number
  /** Attempts of each at full rate, the mean being 1. */
  shares: number[]
  /** The most and the least of them. */
  balance: { most: number; least: number }
  /** While workers started and one of them was ended and replaced. */
  whileChanging: { deliveredPerS: number; seconds: number; changes: number }
}

const WARM_UP_S = 6
const BARE_S_MIN = 3

/** How much comes out at the other end, and how soon at half of that, between two measurements of the bare sender. */
export async function measureThroughput(stage: Stage, options: LoadOptions): Promise<Figures> {
  const plan = planOf(options)
  const { accountIds } = await prepare(stage, plan)
  const connections = await warmUp(stage, plan)
  const bareS = Math.max(BARE_S_MIN, options.durationS / 4)
  const before = await measureBare(stage, connections, bareS)
  const full = await measureFull(stage, plan, options)
  const after = await measureBare(stage, connections, bareS)
  const half = await measureHalf(stage, plan, options.durationS / 2, halfOf(full, plan, options))
  stage.say('comparing the books')
  const ledger = await balance(stage, plan, accountIds)
  const drained = ledger.pending === 0
  return { plan, connections, bare: { before, after }, full, half, beside: null, workers: null, ledger, drained }
}

/**
 * Full rate, and then what a mode compares with it, between two measurements of the bare sender.
 * @param accountIds  all that the stage was prepared with, whose books are compared in the end
 */
export async function measureBeside(
  stage: Stage,
  plan: Plan,
  options: LoadOptions,
  accountIds: readonly string[],
  compare: (full: LoadFigures) => Promise<Pick<Figures, 'half' | 'beside' | 'workers'>>,
): Promise<Figures> {
  const connections = await warmUp(stage, plan)
  const before = await measureBare(stage, connections, BARE_S_MIN)
  const full = await measureFull(stage, plan, options)
  const compared = await compare(full)
  const after = await measureBare(stage, connections, BARE_S_MIN)
  stage.say('comparing the books')
  const ledger = await balance(stage, plan, accountIds)
  return { plan, connections, bare: { before, after }, full, ...compared, ledger, drained: true }
}

/** @returns how many connections the service then had to its receivers */
async function warmUp(stage: Stage, plan: Plan): Promise<number> {
  stage.say(`warming up, ${WARM_UP_S} s`)
  await measureLoad(stage, plan, { rate: null, seconds: WARM_UP_S, profileFolder: null })
  await drain(stage, plan)
  const { connections } = await stage.sink.ask('count')
  return connections
}

export async function measureFull(stage: Stage, plan: Plan, options: Options): Promise<LoadFigures> {
  const { durationS: seconds, rate, profile: profileFolder } = options
  stage.say(`full rate, ${rate === null ? 'as fast as deliveries come out' : `${rate} events/s`}, ${seconds} s`)
  const full = await measureLoad(stage, plan, { rate, seconds, profileFolder })
  await drain(stage, plan)
  return full
}

/** Events a second at half of full rate. */
export function halfOf(full: LoadFigures, { fanOut }: Plan, { rate }: Options): number {
  return Math.max(1, Math.round((rate ?? full.deliveredPerS / fanOut) / 2))
}

/** @param firstEndpoint  times of those with lower numbers do not count */
export async function measureHalf(
  stage: Stage,
  plan: Plan,
  seconds: number,
  rate: number,
  firstEndpoint = 0,
): Promise<LatencyLoad> {
  stage.say(`${rate} events/s, ${seconds} s`)
  const half = await measureLoad(stage, plan, { rate, seconds, profileFolder: null })
  await drain(stage, plan)
  return { ...half, ...(await latencyOf(stage, half, firstEndpoint)) }
}
