import { mkdirSync } from 'node:fs'
import { measureAged } from './aged.ts'
import { versionOf } from './database-figures.ts'
import { measureDisturbed } from './disturbances.ts'
import { listsTable, measureLists } from './lists.ts'
import { measureNoisy } from './noisy.ts'
import { HELP, type LoadOptions, type Options, parseOptions, UsageError } from './options.ts'
import { failureReport, isKept, listsReportOf, reportOf, statementsReportOf } from './report.ts'
import { openStage, type Stage } from './stage.ts'
import { measureStatements, statementsTable } from './statements.ts'
import { tableOf } from './table.ts'
import { type Figures, measureThroughput } from './throughput.ts'
import { measureWorkers } from './workers.ts'

/**
 * `npm run -s bench`: the whole path of an event against a bare sender, in real processes on loopback. Exit codes: 0 done,
 * 1 a delivery was lost or doubled, or a list was slow, 2 wrong usage, could not run, or void.
 */

const startedAt = performance.now()
/** Of each list. */
const LIST_REQUESTS = 40
const LIST_S_MAX = 2
/** Of each size. */
const STATEMENTS = 60

async function main(args: readonly string[]): Promise<number> {
  let options: Options | null = null
  try {
    const parsed = parseOptions(args)
    if (parsed === 'help') {
      process.stdout.write(HELP)
      return 0
    }
    options = parsed
    return await run(parsed)
  } catch (error) {
    process.stderr.write(`${error instanceof UsageError ? `${error.message}\n\n${HELP}` : stackOf(error)}\n`)
    printLast(failureReport(options, error))
    return 2
  }
}

async function run(options: Options): Promise<number> {
  if (options.profile !== null) mkdirSync(options.profile, { recursive: true })
  const interrupted = interruption()
  interrupted.catch(() => {}) // heard below; while the stage is being set up, by what it breaks
  const { stage, close } = await openStage(options, say)
  try {
    const measured = measure(stage, options)
    measured.catch(() => {}) // it goes on for a moment when the run is interrupted
    const { table, report, exitCode } = await Promise.race([measured, interrupted])
    if (!options.json) process.stdout.write(`${table}\n`)
    printLast(report)
    return exitCode
  } finally {
    say('cleaning up')
    await close()
  }
}

type Measured = { table: string; report: object; exitCode: number }

async function measure(stage: Stage, options: Options): Promise<Measured> {
  if (isLoad(options)) return await measureLoadOf(stage, options)
  return await (options.mode === 'lists10m' ? measureListsOf(stage, options) : measureStatementsOf(stage, options))
}

function isLoad(options: Options): options is LoadOptions {
  return options.mode !== 'lists10m' && options.mode !== 'statements'
}

const measuring: Record<LoadOptions['mode'], (stage: Stage, options: LoadOptions) => Promise<Figures>> = {
  batch: measureThroughput,
  single: measureThroughput,
  fanout10: measureThroughput,
  slow1: measureDisturbed,
  slow10: measureDisturbed,
  backlog1m: measureDisturbed,
  endpoints10k: measureDisturbed,
  noisy: measureNoisy,
  workers2: measureWorkers,
  workers4: measureWorkers,
  aged: measureAged,
}

async function measureLoadOf(stage: Stage, options: LoadOptions): Promise<Measured> {
  const figures = await measuring[options.mode](stage, options)
  const report = reportOf(options, figures, await versionOf(stage.dataDir))
  const exitCode = report.verdict === 'valid' ? 0 : 2
  return { table: tableOf(report), report, exitCode: isKept(figures.ledger) ? exitCode : 1 }
}

async function measureListsOf(stage: Stage, options: Options): Promise<Measured> {
  const { attempts } = options
  const figures = await measureLists(stage, { attempts, requests: LIST_REQUESTS, secondsMax: LIST_S_MAX })
  const report = listsReportOf(options, figures, await versionOf(stage.dataDir))
  return { table: listsTable(figures), report, exitCode: report.ok ? 0 : 1 }
}

async function measureStatementsOf(stage: Stage, options: Options): Promise<Measured> {
  const { endpoints } = options
  const figures = await measureStatements(stage, { endpoints, statements: STATEMENTS })
  const report = statementsReportOf(options, figures, await versionOf(stage.dataDir))
  return { table: statementsTable(figures), report, exitCode: 0 }
}

/** Rejects when the run is to end before its time: by a signal, or by a bug anywhere in this process. */
async function interruption(): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => reject(new Error(`stopped by ${signal}`)))
  }
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => reject(error instanceof Error ? error : new Error(String(error))))
  }
  return await promise
}

function printLast(report: object): void {
  process.stdout.write(`${JSON.stringify(report)}\n`)
}

function say(words: string): void {
  process.stderr.write(`${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6)} s  ${words}\n`)
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

process.exitCode = await main(process.argv.slice(2))
