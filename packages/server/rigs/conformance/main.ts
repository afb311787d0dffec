import { randomInt } from 'node:crypto'
import { type Options, parseOptions, USAGE, UsageFault } from './options.ts'
import { loadOracle, OracleMissing } from './oracle.ts'
import { failureReport, isHeld, tableOf } from './report.ts'
import { run } from './run.ts'

/**
 * `npm run -s conformance`: the service against its own description, the Svix descriptions and the official SDKs. The last line
 * of its output is one JSON object, always. Exit codes: 0 everything holds · 1 something does not · 2 could not run.
 */

const SEEDS = 2 ** 32

async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(args, randomInt(SEEDS))
    if (options === 'help') {
      process.stdout.write(USAGE)
      return 0
    }
    return await report(options)
  } catch (error) {
    const isExpected = error instanceof UsageFault || error instanceof OracleMissing
    const words = error instanceof Error ? (isExpected ? error.message : (error.stack ?? error.message)) : String(error)
    process.stderr.write(`${words}\n${error instanceof UsageFault ? `\n${USAGE}` : ''}`)
    process.stdout.write(`${JSON.stringify(failureReport(words))}\n`)
    return 2
  }
}

async function report(options: Options): Promise<number> {
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interrupted.abort())
  const found = await run({ options, oracle: loadOracle(), say, signal: interrupted.signal })
  if (!options.json) process.stdout.write(tableOf(found))
  process.stdout.write(`${JSON.stringify(found.report)}\n`)
  return isHeld(found.report) ? 0 : 1
}

const startedAt = performance.now()

function say(words: string): void {
  process.stderr.write(`${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6)} s  ${words}\n`)
}

process.exitCode = await main(process.argv.slice(2))
