import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { DemoFailure } from './demo/failure.ts'
import type { Figures } from './demo/reckoning.ts'
import { type Ending, RETRY_SCHEDULE, run, type Stage } from './demo/run.ts'

const HELP = `Plays the main job: a population of 10,000 NPNs becomes 11,000 verified webhooks, whatever happens meanwhile.

Usage: npm run -s demo [-- options]

  --npns N          so many NPNs instead of 10,000, from 100
  --json            the last line of stdout is one JSON object instead of a table
  --break secret    give the receiver a wrong secret: shows that the demo can fail
  --help            this text

The service runs on an embedded database in a folder that is removed in the end. Exit codes: 0 every promise was kept,
1 something was lost, unverified, sent twice too often or too late (or it took more than 5 minutes), 2 wrong usage.
`
const POPULATION = new URL('./population-10k.csv', import.meta.url)
const GIVE_UP_MS = 5 * 60_000
const NPNS_MIN = 100

class UsageError extends Error {}

type Flags = { npns: readonly string[]; json: boolean; breakSecret: boolean }

function parseFlags(args: string[]): Flags | 'help' {
  const { values } = readFlags(args)
  if (values.help) return 'help'
  if (values.break !== undefined && values.break !== 'secret')
    throw new UsageError('--break: only "secret" can be broken')
  const [, ...all] = readFileSync(POPULATION, 'utf8').trimEnd().split('\n')
  const npns = values.npns === undefined ? all.length : Number(values.npns)
  if (!Number.isInteger(npns) || npns < NPNS_MIN || npns > all.length) {
    throw new UsageError(`--npns: must be a whole number from ${NPNS_MIN} to ${all.length}`)
  }
  return { npns: all.slice(0, npns), json: values.json, breakSecret: values.break === 'secret' }
}

function readFlags(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        npns: { type: 'string' },
        json: { type: 'boolean', default: false },
        break: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message.replace(/\.\s.*/s, ''))
    throw error
  }
}

/** A line for each phase; on a terminal, below them, one that follows the deliveries. */
function stageOn(output: NodeJS.WriteStream): Stage & { end: () => void } {
  const startedAtMs = performance.now()
  const seconds = () => `${((performance.now() - startedAtMs) / 1000).toFixed(1).padStart(5)} s`
  const clear = output.isTTY ? '\r\u001b[2K' : ''
  let line = ''
  return {
    phase(words) {
      output.write(`${clear}${seconds()}  ${words}\n${line}`)
    },
    progress({ requests, delivered, expected }) {
      if (!output.isTTY) return
      line = `${seconds()}  delivered ${count(delivered)} of ${count(expected)}, in ${count(requests)} requests`
      output.write(clear + line)
    },
    end() {
      output.write(clear)
      line = ''
    },
  }
}

const MEANINGS: Record<keyof Figures, string> = {
  accepted: 'changes of the population that the service acknowledged',
  delivered: 'of these, answered with 200 by the receiver',
  verified: 'of these, with the right signature',
  retried: 'deliveries that the receiver refused with 503 or left hanging at first',
  duplicates: 'requests for an event that the receiver had answered with 200 before',
  duplicatesBound: 'attempts under way or not yet recorded when the service was killed: at most so many repeats',
  lost: 'accepted and not delivered',
  takeoverMs:
    'from kill -9 to the next verified delivery, the longer of two; at most 8,000, beside waiting for a processor',
  seconds: 'in all',
}

function table(figures: Figures): string {
  const rows = Object.entries(figures).map(([name, figure]) => {
    const meaning = Object.entries(MEANINGS).find(([known]) => known === name)?.[1] ?? ''
    return `  ${name.padEnd(16)}${(figure === null ? '-' : count(figure)).padStart(8)}   ${meaning}`
  })
  return `\n${rows.join('\n')}\n\n`
}

function count(number: number): string {
  return number.toLocaleString('en-US')
}

async function play(flags: Flags): Promise<Ending> {
  const stopping = new AbortController()
  const giveUp = setTimeout(() => stopping.abort(new DemoFailure('It took more than 5 minutes.')), GIVE_UP_MS)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // not once: under npm, Ctrl-C comes twice, and the second would end this before it has tidied up
    process.on(signal, () => stopping.abort(new DemoFailure(`It was stopped by ${signal}.`)))
  }
  const stage = stageOn(process.stderr)
  stage.phase(`the endpoint's retry schedule is short: ${RETRY_SCHEDULE.join(', ')} s (default: 5 s to 24 h)`)
  const ending = await run({ ...flags, environment: process.env }, stage, stopping.signal)
  clearTimeout(giveUp)
  stage.end()
  return ending
}

async function main(): Promise<void> {
  const flags = parseFlags(process.argv.slice(2))
  if (flags === 'help') return void process.stdout.write(HELP)
  const { figures, faults } = await play(flags)
  for (const fault of faults) process.stderr.write(`FAULT  ${fault}\n`)
  process.stdout.write(flags.json ? `${JSON.stringify(figures)}\n` : table(figures))
  process.exitCode = faults.length === 0 ? 0 : 1
}

try {
  await main()
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`demo: ${error.message} (see --help)\n`)
  process.exitCode = 2
}
