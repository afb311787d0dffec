import type { Command } from 'commander'
import { isJson, type Json } from '../api.ts'
import { EXIT, Failure } from '../failure.ts'
import { changing, examples, reading } from '../frame.ts'
import { type ListFlags, printList, printObject, type Session, withListFlags } from '../session.ts'
import { note, type Terminal } from '../terminal.ts'
import { waitFor } from './replay.ts'

const UNFINISHED: readonly unknown[] = ['pending', 'running', 'canceling']
const FAILED: readonly unknown[] = ['failed', 'partly_failed', 'canceled']

export function addJobs(program: Command, terminal: Terminal): void {
  const jobs = program.command('jobs').description('jobs that change the population')

  withListFlags(jobs.command('list').description('all of the last 90 days, newest first'))
    .addHelpText('after', examples('jobs list', 'jobs list --limit 5 --json'))
    .action(
      reading(terminal, async (session, flags: ListFlags) => {
        await printList(session, session.api.underAccount('/population/job'), {}, flags, [
          ['id', 'id'],
          ['type', 'type'],
          ['state', 'state'],
          ['done', ({ processed, total }) => `${String(processed)} of ${String(total)}`],
          ['created', 'createdAt'],
        ])
      }),
    )

  jobs
    .command('get <job>')
    .description('how far one is; exit code 10 when some of it was not done')
    .option('--wait', 'until it has ended')
    .addHelpText('after', examples('jobs get 018e…', 'jobs get 018e… --wait --timeout 600'))
    .action(
      reading(terminal, async (session, id: string, flags: { wait?: true }) => {
        const job = await readJob(session, id)
        printJob(session, flags.wait ? await waitForJob(session, job) : job)
      }),
    )

  jobs
    .command('wait <job>')
    .description('until it has ended; exit code 10 when some of it was not done')
    .addHelpText('after', examples('jobs wait 018e…', 'jobs wait 018e… --timeout 600 --json'))
    .action(
      reading(terminal, async (session, id: string) => {
        printJob(session, await waitForJob(session, await readJob(session, id)))
      }),
    )

  jobs
    .command('cancel <job>')
    .description('end it; what it has done stays')
    .addHelpText('after', examples('jobs cancel 018e…', 'jobs cancel 018e… --yes'))
    .action(
      changing(
        terminal,
        (id: string) => `Cancel the job ${id}`,
        async (session, id) => {
          const target = session.api.underAccount(`/population/job/${encodeURIComponent(id)}/cancel`)
          const job = await session.api.object('POST', target)
          printObject(session, job)
          const { added = 0, removed = 0 } = isJson(job.counts) ? job.counts : {}
          note(terminal, `to take back what it has done: remove ${String(added)}, add ${String(removed)}`)
        },
      ),
    )
}

function readJob({ api }: Session, id: string): Promise<Json> {
  return api.object('GET', api.underAccount(`/population/job/${encodeURIComponent(id)}`))
}

export async function waitForJob(session: Session, job: Json): Promise<Json> {
  return await waitFor(
    session,
    job,
    ({ state }) => !UNFINISHED.includes(state),
    () => readJob(session, String(job.id)),
  )
}

/** @throws Failure partly, when some of it was not done */
export function printJob(session: Session, job: Json): void {
  printObject(session, job)
  if (!FAILED.includes(job.state)) return
  const words = String(job.state).replace('_', ' ')
  throw new Failure(`The job is ${words}.`, { exit: EXIT.partly, code: String(job.state) })
}
