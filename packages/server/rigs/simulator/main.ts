import { randomInt } from 'node:crypto'
import { table } from '../chaos/report.ts'
import { type Options, parseOptions, USAGE, UsageFault } from './options.ts'
import { exitCodeOf, type Report, reportFailure } from './report.ts'
import { run } from './run.ts'

/**
 * `npm run -s simulate`: the delivery engine under one seed that drives clock, chance and network (reliability-security, R6). The
 * last line of its output is one JSON object, always. Exit codes: 0 all promises held · 1 one is broken · 2 could not run.
 */

const SEEDS = 2 ** 32

async function main(): Promise<void> {
  const options = read(process.argv.slice(2))
  if (!options) return
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort())
  tell(`simulate: seeds from ${options.seed}`)
  const report = await run({ options, signal: interrupted.signal, tell }).catch((error: unknown) =>
    reportFailure(options, error instanceof Error ? error.message : String(error)),
  )
  print(report, options.json)
}

function read(args: readonly string[]): Options | undefined {
  try {
    return parseOptions(args, randomInt(SEEDS))
  } catch (error) {
    if (!(error instanceof UsageFault)) throw error
    process.stderr.write(`${error.message}\n${USAGE}`)
    print(reportFailure(parseOptions([], 0), error.message), true)
    return undefined
  }
}

function print(report: Report, asJson: boolean): void {
  if (!asJson) process.stdout.write(table(report))
  process.stdout.write(`${JSON.stringify(report)}\n`)
  process.exitCode = exitCodeOf(report)
}

function tell(text: string): void {
  process.stderr.write(`${text}\n`)
}

await main()
