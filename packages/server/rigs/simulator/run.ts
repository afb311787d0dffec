import { Processes } from '../bench/processes.ts'
import { runOpened } from '../chaos/opened.ts'
import type { Options } from './options.ts'
import { type Report, reportRun } from './report.ts'
import type { SeedsCommands } from './seeds-process.ts'
import type { SeedResult } from './simulation.ts'

export type RunParts = { options: Options; signal: AbortSignal; tell: (text: string) => void }

const FAILURES_MAX = 20
const TELL_EVERY_MS = 5_000

/** Runs the seeds, shared by a few processes with a database each. Leaves no process and no file behind, however it ends. */
export async function run({ options, signal: interrupted, tell }: RunParts): Promise<Report> {
  return await runOpened(interrupted, async (opened, _fail, signal) => {
    const processes = new Processes()
    opened.end(() => processes.end())
    const startedAtMs = performance.now()
    const results: SeedResult[] = []
    let started = 0
    let toldAtMs = startedAtMs
    const isOver = () =>
      signal.aborted ||
      started >= options.seeds ||
      (options.durationS !== null && performance.now() - startedAtMs > options.durationS * 1_000) ||
      failedOf(results) >= (options.break === null ? FAILURES_MAX : 1)
    const takeSeeds = async (): Promise<string> => {
      const helper = processes.helper<SeedsCommands>('../simulator/seeds-process.ts')
      const postgres = await helper.ask('open', options.break)
      while (!isOver()) {
        const seed = (options.seed + started) % 2 ** 32
        started += 1
        const { result, story } = await helper.ask('run', seed)
        results.push(result)
        if (result.violations.length > 0 || options.verbose)
          tell(`seed ${seed}\n${story}\n${result.violations.join('\n')}`)
        if (performance.now() - toldAtMs < TELL_EVERY_MS) continue
        toldAtMs = performance.now()
        tell(`${results.length} seeds, ${failedOf(results)} failed`)
      }
      await helper.ask('close')
      return postgres
    }
    const [postgres = ''] = await Promise.all(Array.from({ length: Math.min(options.jobs, options.seeds) }, takeSeeds))
    return reportRun(options, results, { postgres, realMs: performance.now() - startedAtMs })
  })
}

function failedOf(results: readonly SeedResult[]): number {
  return results.filter(({ violations }) => violations.length > 0).length
}
