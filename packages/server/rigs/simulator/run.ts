import { acknowledgeBeforeCommit } from '../chaos/breaks.ts'
import { startRunDatabase } from '../chaos/database.ts'
import { runOpened } from '../chaos/opened.ts'
import { forgetOutcomes } from './breaks.ts'
import type { Options } from './options.ts'
import { type Report, reportRun } from './report.ts'
import { type SeedResult, Simulation } from './simulation.ts'
import { ENDPOINTS, Site } from './site.ts'
import { realNowMs, VirtualTime } from './virtual-time.ts'

export type RunParts = { options: Options; signal: AbortSignal; tell: (text: string) => void }

const TELL_EVERY_MS = 5_000
const FAILURES_MAX = 20
/** What is simulated survives no power cut: that is not its subject, and fsync would be most of its time. */
const SETTINGS = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', shared_buffers: '64MB' }

/** Runs seed after seed, each on the same real database. Leaves no process and no file behind, however it ends. */
export async function run({ options, signal: interrupted, tell }: RunParts): Promise<Report> {
  return await runOpened(interrupted, async (opened, fail, signal) => {
    const { database } = await startRunDatabase('simulator', SETTINGS, opened, fail)
    const site = await Site.open(database)
    const shards = await site.shardsOf(ENDPOINTS.map(({ id }) => id))
    const postgres = await site.version()
    if (options.break === 'ack-before-commit') acknowledgeBeforeCommit()
    if (options.break === 'forgetful-recorder') forgetOutcomes()
    if (options.break === 'no-fencing') await site.unfence()
    const time = new VirtualTime(Date.now(), (working) => site.isStuck(working))
    time.install()
    const startedAtMs = realNowMs()
    const results: SeedResult[] = []
    let toldAtMs = startedAtMs
    let failures = 0
    for (let count = 0; count < options.seeds && failures < FAILURES_MAX && !signal.aborted; count += 1) {
      if (options.durationS !== null && realNowMs() - startedAtMs > options.durationS * 1_000) break
      const seed = (options.seed + count) % 2 ** 32
      const told: string[] = []
      const simulation = new Simulation({
        time,
        site,
        shards,
        seed,
        break: options.break,
        tell: (text) => told.push(text),
      })
      const result = await simulation.run()
      results.push(result)
      if (result.violations.length > 0 || options.verbose)
        tell(`seed ${seed}\n${told.join('\n')}\n${result.violations.join('\n')}`)
      if (result.violations.length > 0) failures += 1
      if (failures > 0 && options.break !== null) break
      if (realNowMs() - toldAtMs < TELL_EVERY_MS) continue
      toldAtMs = realNowMs()
      tell(`${results.length} seeds, ${failures} failed`)
    }
    await site.close()
    return reportRun(options, results, { postgres, realMs: realNowMs() - startedAtMs })
  })
}
