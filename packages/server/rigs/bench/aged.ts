import { measureLoad } from './measure.ts'
import type { LoadOptions } from './options.ts'
import { asSuperuser } from './service.ts'
import { planOf, prepare, type Stage } from './stage.ts'
import { type Figures, halfOf, measureBeside, measureFull, measureHalf } from './throughput.ts'

/** Of what comes out at full rate. */
const LOAD = 0.7
const SNAPSHOT_S_MAX = 300

/**
 * How much comes out after a long stretch of load. Somebody's transaction holds a snapshot meanwhile, so that what has been
 * delivered stays in the tables as dead rows; it is still open when the rate is measured again.
 */
export async function measureAged(stage: Stage, options: LoadOptions): Promise<Figures> {
  const plan = planOf(options)
  const { accountIds } = await prepare(stage, plan)
  return await measureBeside(stage, plan, options, accountIds, async (full) => {
    const half = await measureHalf(stage, plan, options.durationS / 2, halfOf(full, plan, options))

    const rate = Math.round(full.deliveredPerS * LOAD)
    const snapshotS = Math.min(SNAPSHOT_S_MAX, (options.ageS * 5) / 6)
    stage.say(`${rate} events/s, ${options.ageS} s, the last ${snapshotS} s beside an open snapshot`)
    await measureLoad(stage, plan, { rate, seconds: options.ageS - snapshotS, profileFolder: null })
    const beside = await withSnapshot(stage, async () => {
      await measureLoad(stage, plan, { rate, seconds: snapshotS, profileFolder: null })
      const halfBeside = await measureHalf(stage, plan, options.durationS / 2, halfOf(full, plan, options))
      return { full: await measureFull(stage, plan, { ...options, profile: null }), half: halfBeside }
    })
    return { half, beside, workers: null }
  })
}

async function withSnapshot<T>({ dataDir }: Stage, work: () => Promise<T>): Promise<T> {
  return await asSuperuser(dataDir, async (client) => {
    await client.query('set idle_in_transaction_session_timeout = 0')
    await client.query('begin isolation level repeatable read read only')
    await client.query('select count(*) from pending')
    const done = await work()
    await client.query('commit')
    return done
  })
}
