import { setTimeout as wait } from 'node:timers/promises'
import type { Command } from 'commander'
import { type Json, timeoutMsOf } from '../api.ts'
import { EXIT, Failure, usageFailure } from '../failure.ts'
import { examples } from '../frame.ts'
import {
  announce,
  announceChange,
  type ListFlags,
  openSession,
  printList,
  printObject,
  type Session,
  withListFlags,
} from '../session.ts'
import { note, type Terminal } from '../terminal.ts'
import { path } from './endpoints.ts'

const POLL_MS = 500
const WAIT_SECONDS_DEFAULT = 3_600

const kinds: Record<string, string> = { recover: 'recover', missing: 'replay-missing' }

type StartFlags = { endpoint: string; kind: string; from: string; to?: string; rate?: string; wait?: true }

export function addReplay(program: Command, terminal: Terminal): void {
  const replay = program.command('replay').description('send many events once more')

  replay
    .command('start')
    .description('recover: what failed for good; missing: what was never sent to the endpoint')
    .requiredOption('--endpoint <endpoint>', 'id or uid')
    .requiredOption('--kind <kind>', 'recover or missing')
    .requiredOption('--from <time>', 'events accepted since, RFC 3339')
    .option('--to <time>', 'and before, RFC 3339; default now')
    .option('--rate <number>', 'deliveries a second at most')
    .option('--wait', 'until it has ended')
    .addHelpText(
      'after',
      examples(
        'replay start --endpoint crm --kind recover --from 2026-03-06T00:00:00Z',
        'replay start --endpoint crm --kind missing --from 2026-03-06T00:00:00Z --wait --yes',
      ),
    )
    .action(async (flags: StartFlags, command: Command) => {
      const operation = Object.hasOwn(kinds, flags.kind) ? kinds[flags.kind] : undefined
      if (operation === undefined) throw usageFailure('--kind takes recover or missing.')
      const session = openSession(terminal, command)
      await announceChange(session, `Start a replay to ${flags.endpoint}`)
      const target = session.api.underAccount(`${path(flags.endpoint)}/${operation}`)
      const rate = flags.rate === undefined ? undefined : Number(flags.rate)
      const task = await session.api.object('POST', target, { body: { since: flags.from, until: flags.to, rate } })
      printTask(session, flags.wait ? await waitForTask(session, task) : task)
    })

  withListFlags(replay.command('list').description('replays and other long work, newest first'))
    .addHelpText('after', examples('replay list', 'replay list --json'))
    .action(async (flags: ListFlags, command: Command) => {
      const session = openSession(terminal, command)
      await announce(session)
      await printList(session, '/api/v1/background-task', {}, flags, [
        ['id', 'id'],
        ['task', 'task'],
        ['status', 'status'],
        ['updated', 'updatedAt'],
      ])
    })

  replay
    .command('status <task>')
    .description('how far one is')
    .option('--wait', 'until it has ended')
    .addHelpText('after', examples('replay status qtask_2Zx', 'replay status qtask_2Zx --wait --timeout 60'))
    .action(async (id: string, flags: { wait?: true }, command: Command) => {
      const session = openSession(terminal, command)
      await announce(session)
      const task = await session.api.object('GET', `/api/v1/background-task/${encodeURIComponent(id)}`)
      printTask(session, flags.wait ? await waitForTask(session, task) : task)
    })
}

async function waitForTask(session: Session, task: Json): Promise<Json> {
  const address = `/api/v1/background-task/${encodeURIComponent(String(task.id))}`
  return await waitFor(
    session,
    task,
    (one) => one.status !== 'running',
    () => session.api.object('GET', address),
  )
}

/** Reads anew until it has ended. @throws Failure timed_out after --timeout, an hour by default */
export async function waitFor(
  { flags, terminal }: Session,
  first: Json,
  hasEnded: (one: Json) => boolean,
  readAgain: () => Promise<Json>,
): Promise<Json> {
  const deadline = performance.now() + timeoutMsOf(flags, WAIT_SECONDS_DEFAULT)
  let one = first
  while (!hasEnded(one)) {
    if (performance.now() > deadline) {
      throw new Failure(`${String(one.id)} has not ended in time.`, { exit: EXIT.timedOut, code: 'timed_out' })
    }
    await wait(POLL_MS)
    one = await readAgain()
  }
  note(terminal, `${String(one.id)} has ended`)
  return one
}

function printTask(session: Session, task: Json): void {
  printObject(session, task)
  if (task.status === 'failed') throw new Failure('The task has failed.', { exit: EXIT.partly, code: 'task_failed' })
}
