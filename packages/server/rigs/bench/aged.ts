import { balance } from './ledger.ts'
import { measureBare, measureLoad } from './measure.ts'
import type { LoadOptions } from './options.ts'
import { asSuperuser } from './service.ts'
import { planOf, prepare, type Stage } from './stage.ts'
import { type Figures, halfOf, measureFull, measureHalf, warmUp } from './throughput.ts'

const BARE_S = 3
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
  const connections = await warmUp(stage, plan)
  const before = await measureBare(stage, connections, BARE_S)
  const full = await measureFull(stage, plan, options)
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
  const after = await measureBare(stage, connections, BARE_S)
  stage.say('comparing the books')
  return {
    plan,
    connections,
    bare: { before, after },
    full,
    half,
    beside,
    workers: null,
    ledger: await balance(stage, plan, accountIds),
    drained: true,
  }
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
