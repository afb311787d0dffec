import type { LargeReport } from './large.ts'
import { type Options, parseOptions, USAGE, UsageFault } from './options.ts'
import { type Report, run } from './run.ts'

/**
 * `npm run -s daily`: business days with faults, and a client that copies by the public API alone. The last line of its output
 * is one JSON object. Exit codes: 0 the copy is the simulator's truth · 1 it is not · 2 could not run.
 */
async function main(): Promise<void> {
  const options = read(process.argv.slice(2))
  if (!options) return
  try {
    const report = await run(options, (text) => process.stderr.write(`${text}\n`))
    print(report, options.json)
    process.exitCode = report.ok ? 0 : 1
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
    process.stdout.write(`${JSON.stringify({ command: 'daily', ok: false, seed: options.seed, error: reason })}\n`)
    process.exitCode = 2
  }
}

function read(args: readonly string[]): Options | undefined {
  try {
    return parseOptions(args)
  } catch (error) {
    if (!(error instanceof UsageFault)) throw error
    process.stderr.write(`${error.message}\n${USAGE}`)
    process.exitCode = 2
    return undefined
  }
}

function print(report: Report | LargeReport, asJson: boolean): void {
  if (!asJson)
    for (const [name, value] of Object.entries(report)) process.stdout.write(`${name.padEnd(26)}${shown(value)}\n`)
  process.stdout.write(`${JSON.stringify(report)}\n`)
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

await main()
