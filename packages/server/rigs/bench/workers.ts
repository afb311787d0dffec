import { rounded } from './figures.ts'
import { measureLoad } from './measure.ts'
import type { LoadOptions } from './options.ts'
import { asSuperuser, startWorker, type WorkerProcess } from './service.ts'
import { pause, planOf, prepare, type Stage } from './stage.ts'
import { type Figures, halfOf, measureBeside, measureFull, measureHalf } from './throughput.ts'

const SPREAD_MS_MAX = 60_000
const SHARDS = 256
const LOOK_MS = 200
const CHANGE_S_MIN = 5

/** One worker process against several, and what happens when their number changes under load. */
export async function measureWorkers(stage: Stage, options: LoadOptions): Promise<Figures> {
  const plan = planOf(options)
  const count = options.mode === 'workers2' ? 2 : 4
  const { accountIds } = await prepare(stage, plan)
  return await measureBeside(stage, plan, options, accountIds, async (full) => {
    const rate = halfOf(full, plan, options)
    const half = await measureHalf(stage, plan, options.durationS / 2, rate)

    stage.say(`to ${count} workers under load; then one is ended and replaced`)
    const changing = { rate: options.rate, seconds: CHANGE_S_MIN, profileFolder: null, meanwhile: change(stage, count) }
    const changed = await measureLoad(stage, plan, changing)
    const halfBeside = await measureHalf(stage, plan, options.durationS / 2, rate)
    const attemptsBefore = await attemptsOf(stage.workers)
    const fullBeside = await measureFull(stage, plan, { ...options, profile: null })
    const shares = sharesOf(attemptsBefore, await attemptsOf(stage.workers))
    return {
      half,
      beside: { full: fullBeside, half: halfBeside },
      workers: {
        count,
        shares,
        balance: { most: Math.max(...shares), least: Math.min(...shares) },
        whileChanging: { deliveredPerS: changed.deliveredPerS, seconds: changed.seconds, changes: count + 1 },
      },
    }
  })
}

async function change(stage: Stage, count: number): Promise<void> {
  const { workers } = stage
  while (workers.length < count) await join(stage)
  await workers.shift()?.end()
  await untilSpread(stage)
  await join(stage)
}

async function join(stage: Stage): Promise<void> {
  stage.workers.push(await startWorker(stage.processes, stage.dataDir, stage.receivers))
  await untilSpread(stage)
}

/** Waits until every worker has its share of the shards. @throws when that takes too long */
async function untilSpread({ dataDir, workers }: Stage): Promise<void> {
  const endsAt = performance.now() + SPREAD_MS_MAX
  for (;;) {
    const counts = await asSuperuser(dataDir, async (client) => {
      const { rows } = await client.query<{ count: number }>(
        'select count(*)::int as count from shard where owner in (select id from worker) group by owner',
      )
      return rows.map(({ count }) => count)
    })
    const all = counts.reduce((sum, count) => sum + count, 0)
    const isSpread = counts.length === workers.length && Math.max(...counts) <= Math.ceil(all / workers.length)
    if (isSpread && all === SHARDS) return
    if (performance.now() > endsAt) throw new Error(`the shards were not spread: ${counts.join(', ')}`)
    await pause(LOOK_MS)
  }
}

async function attemptsOf(workers: readonly WorkerProcess[]): Promise<number[]> {
  return await Promise.all(workers.map((worker) => worker.attempts()))
}

function sharesOf(before: readonly number[], after: readonly number[]): number[] {
  const made = after.map((attempts, index) => attempts - (before[index] ?? 0))
  const mean = made.reduce((sum, attempts) => sum + attempts, 0) / made.length
  return made.map((attempts) => rounded(attempts / mean, 3))
}
