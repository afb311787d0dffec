import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { isJson, type Json } from '../api.ts'
import { EXIT, Failure, usageFailure } from '../failure.ts'
import { examples } from '../frame.ts'
import { announce, announceChange, openSession, printObject, printRows, type Session } from '../session.ts'
import { readInput, type Terminal } from '../terminal.ts'
import { waitFor } from './replay.ts'

const SUBSCRIPTIONS = '/v1/accounts/subscriptions'
const NPNS_A_CALL_MAX = 50_000
const ROWS_A_PAGE_MAX = 1_000

const methods = { add: 'PUT', remove: 'DELETE', replace: 'POST' } as const
const effects = {
  add: 'let producers join the population; each that joins is an event',
  remove: 'let producers leave it; each that leaves is an event',
  replace: 'make the population exactly these',
} as const

type ChangeFlags = { file?: string; wait?: true }

export function addProducers(program: Command, terminal: Terminal): void {
  const producers = program.command('producers').alias('population').description('the monitored population')

  producers
    .command('list')
    .description('the NPNs of the population, in their order')
    .option('--limit <rows>', 'rows at most', '50')
    .option('--state <state>', 'loading, ready or not_found')
    .addHelpText('after', examples('producers list', 'producers list --state loading --limit 1000 --json'))
    .action(async (flags: { limit: string; state?: string }, command: Command) => {
      if (!(Number(flags.limit) >= 1)) throw usageFailure('--limit takes a number of rows, 1 or more.')
      const session = openSession(terminal, command)
      await announce(session)
      printRows(session, await readProducers(session, Number(flags.limit), flags.state), [
        ['npn', 'npn'],
        ['data', 'dataStatus'],
        ['since', 'activatedAt'],
        ['source', 'source'],
      ])
    })

  for (const kind of ['add', 'remove', 'replace'] as const) {
    producers
      .command(`${kind} [npn...]`)
      .description(effects[kind])
      .option('--file <path>', 'NPNs, one a line; - for stdin')
      .option('--wait', 'until the job has ended')
      .addHelpText(
        'after',
        examples(`producers ${kind} 15645555 19855109`, `producers ${kind} --file npns.txt --wait --yes`),
      )
      .action(async (given: string[], flags: ChangeFlags, command: Command) => {
        const npns = [...given, ...(flags.file === undefined ? [] : await readNpns(terminal, flags.file))]
        if (npns.length === 0) throw usageFailure('No NPN is named.', 'Give NPNs, or --file PATH.')
        if (npns.length > NPNS_A_CALL_MAX) {
          throw usageFailure(`${npns.length} NPNs are more than the ${NPNS_A_CALL_MAX} that one call takes.`)
        }
        const session = openSession(terminal, command)
        await announceChange(session, `${kind} ${npns.length} NPNs`)
        const accepted = await session.api.object(methods[kind], SUBSCRIPTIONS, { body: npns })
        if (flags.wait) printJob(session, await waitForJob(session, String(accepted.job_id)))
        else printObject(session, { job_id: accepted.job_id, message: accepted.message })
      })
  }

  program
    .command('jobs')
    .description('jobs that change the population')
    .command('get <job>')
    .description('how far one is; exit code 10 when some of it failed')
    .option('--wait', 'until it has ended')
    .addHelpText('after', examples('jobs get 018e…', 'jobs get 018e… --wait --timeout 600'))
    .action(async (id: string, flags: { wait?: true }, command: Command) => {
      const session = openSession(terminal, command)
      await announce(session)
      printJob(session, flags.wait ? await waitForJob(session, id) : await readJob(session, id))
    })
}

/** Pages follow the last NPN of the one before. */
async function readProducers({ api }: Session, limit: number, dataStatus: string | undefined): Promise<Json[]> {
  const rows: Json[] = []
  for (let after: string | undefined; rows.length < limit; ) {
    const size = Math.min(limit - rows.length, ROWS_A_PAGE_MAX)
    const { embedded, links } = await api.object('GET', SUBSCRIPTIONS, { query: { size, after, dataStatus } })
    const found = isJson(embedded) && Array.isArray(embedded.subscriptions) ? embedded.subscriptions.filter(isJson) : []
    rows.push(...found)
    after = String(found.at(-1)?.npn)
    if (found.length === 0 || !isJson(links) || !('next' in links)) break
  }
  return rows
}

async function readNpns(terminal: Terminal, file: string): Promise<string[]> {
  const text = file === '-' ? await readInput(terminal, '--file -') : readFileText(file)
  return text.split(/[\s,]+/).filter((npn) => npn !== '')
}

function readFileText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw usageFailure(`--file: ${path} cannot be read.`)
  }
}

function readJob({ api }: Session, id: string): Promise<Json> {
  return api.object('GET', `${SUBSCRIPTIONS}/status/${encodeURIComponent(id)}`)
}

async function waitForJob(session: Session, id: string): Promise<Json> {
  const hasEnded = ({ state }: Json) => state !== 'pending' && state !== 'running'
  return await waitFor(session, await readJob(session, id), hasEnded, () => readJob(session, id))
}

function printJob(session: Session, job: Json): void {
  printObject(session, job)
  if (job.state !== 'partly_failed' && job.state !== 'failed') return
  throw new Failure(`The job has ${job.state === 'failed' ? '' : 'partly '}failed.`, {
    exit: EXIT.partly,
    code: String(job.state),
  })
}
