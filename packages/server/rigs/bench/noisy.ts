import type { LoadOptions } from './options.ts'
import { planOf, prepare, publish, type Stage } from './stage.ts'
import { type Figures, halfOf, measureBeside, measureFull, measureHalf } from './throughput.ts'

/** How many times as much as each of the others the noisy account publishes. */
const NOISE = 100

/** How soon the events of many accounts go out while one account publishes far more than all of them, against without it. */
export async function measureNoisy(stage: Stage, options: LoadOptions): Promise<Figures> {
  const plan = planOf(options)
  const { accountIds } = await prepare(stage, plan)
  const [noisy = '', ...others] = accountIds
  return await measureBeside(stage, plan, options, accountIds, async (full) => {
    const perAccount = halfOf(full, plan, options) / (NOISE + others.length)
    const firstOfOthers = plan.endpointsPerAccount

    await publish(stage, plan, others)
    const half = await measureHalf(
      stage,
      plan,
      options.durationS,
      Math.round(perAccount * others.length),
      firstOfOthers,
    )

    stage.say(`one account publishes ${NOISE} times as much as each other`)
    await publish(stage, plan, turnsOf(noisy, others))
    const withNoise = Math.round(perAccount * (NOISE + others.length))
    const halfBeside = await measureHalf(stage, plan, options.durationS, withNoise, firstOfOthers)
    const fullBeside = await measureFull(stage, plan, { ...options, profile: null })
    return { half, beside: { full: fullBeside, half: halfBeside }, workers: null }
  })
}

/** The order of calls: the noisy account's, with those of the others spread evenly among them. */
function turnsOf(noisy: string, others: readonly string[]): string[] {
  return others.flatMap((other, index) => {
    const before = Math.floor((index * NOISE) / others.length)
    const until = Math.floor(((index + 1) * NOISE) / others.length)
    return [other, ...Array.from({ length: until - before }, () => noisy)]
  })
}
