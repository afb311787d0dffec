import { randomInt } from 'node:crypto'
import { table } from './report.ts'
import { UsageFault } from './usage.ts'

const SEEDS = 2 ** 32

export type Command<O extends { json: boolean }, R extends object> = {
  usage: string
  /** @throws UsageFault */
  parse: (args: readonly string[], randomSeed: number) => O
  /** A line for the beginning. */
  begin: (options: O) => string
  run: (parts: { options: O; signal: AbortSignal; tell: (text: string) => void }) => Promise<R>
  /** The report of a run that did not come to its end. */
  fail: (options: O, error: string) => R
  exitCodeOf: (report: R) => number
}

/** Runs a rig as a command: progress on stderr, its report as the last line of stdout, always (but for `--help`), and an exit code by section 16. */
export async function runCommand<O extends { json: boolean }, R extends object>(command: Command<O, R>): Promise<void> {
  const options = read(command)
  if (!options) return
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort())
  tell(command.begin(options))
  const report = await command
    .run({ options, signal: interrupted.signal, tell })
    .catch((error: unknown) => command.fail(options, error instanceof Error ? error.message : String(error)))
  print(command, report, options.json)
}

function read<O extends { json: boolean }, R extends object>(command: Command<O, R>): O | undefined {
  const args = process.argv.slice(2)
  if (args.includes('--help')) return void process.stdout.write(command.usage)
  try {
    return command.parse(args, randomInt(SEEDS))
  } catch (error) {
    if (!(error instanceof UsageFault)) throw error
    process.stderr.write(`${error.message}\n${command.usage}`)
    print(command, command.fail(command.parse([], 0), error.message), true)
    return undefined
  }
}

function print<O extends { json: boolean }, R extends object>(
  command: Command<O, R>,
  report: R,
  asJson: boolean,
): void {
  if (!asJson) process.stdout.write(table(report))
  process.stdout.write(`${JSON.stringify(report)}\n`)
  process.exitCode = command.exitCodeOf(report)
}

function tell(text: string): void {
  process.stderr.write(`${text}\n`)
}
