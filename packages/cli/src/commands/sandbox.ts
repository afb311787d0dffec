import type { Command } from 'commander'
import type { Json } from '../api.ts'
import { EXIT, Failure, usageFailure } from '../failure.ts'
import { examples } from '../frame.ts'
import { announce, openSession, printObject, type Session } from '../session.ts'
import type { Terminal } from '../terminal.ts'
import { waitFor } from './replay.ts'

const CLOCK = '/v1/sandbox/clock'
const ENDED: readonly unknown[] = ['published', 'no_report', 'failed', 'held']

type RunFlags = { date?: string; scenario?: string; wait?: true }

export function addSandbox(program: Command, terminal: Terminal): void {
  const sandbox = program.command('sandbox').description('the simulated NIPR of a sandbox account')

  sandbox
    .command('run')
    .description('play a business day now, by default the next one')
    .option('--date <date>', 'the day, YYYY-MM-DD')
    .option('--scenario <scenario>', 'normal, no_changes, bulk_expiry, late, fails_once, fails, no_report or slow')
    .option('--wait', 'until it has ended')
    .addHelpText('after', examples('sandbox run --wait', 'sandbox run --date 2026-03-06 --scenario bulk_expiry'))
    .action(async ({ date, scenario, wait }: RunFlags, command: Command) => {
      const session = await openSandbox(terminal, command)
      const started = await session.api.object('POST', '/v1/sandbox/runs', { body: { runDate: date, scenario } })
      const address = `/v1/runs/${encodeURIComponent(String(started.run_id))}`
      const readRun = () => session.api.object('GET', address)
      if (wait)
        printRun(session, await waitFor(session, await readRun(), ({ state }) => ENDED.includes(state), readRun))
      else printObject(session, started)
    })

  sandbox
    .command('clock [time]')
    .description('what its clock says; with a time, set it forward')
    .addHelpText('after', examples('sandbox clock', 'sandbox clock 2026-03-09T16:00:00Z'))
    .action(async (time: string | undefined, _flags: object, command: Command) => {
      const session = await openSandbox(terminal, command)
      const answer =
        time === undefined
          ? await session.api.object('GET', CLOCK)
          : await session.api.object('PUT', CLOCK, { body: { now: time } })
      printObject(session, answer)
    })
}

/** @throws Failure usage in production, before anything of it is called */
async function openSandbox(terminal: Terminal, command: Command): Promise<Session> {
  const session = openSession(terminal, command)
  if ((await announce(session)) === 'sandbox') return session
  throw usageFailure(
    'The account is one of PRODUCTION: only a sandbox can be played with.',
    'Say --profile or --account.',
  )
}

function printRun(session: Session, run: Json): void {
  printObject(session, run)
  if (run.state === 'published') return
  throw new Failure(`The run ended ${String(run.state)}.`, { exit: EXIT.partly, code: String(run.state) })
}
