import { readFileSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import type { Command } from 'commander'
import { FileBody, isJson, type Json } from '../api.ts'
import { EXIT, Failure, usageFailure } from '../failure.ts'
import { examples, reading } from '../frame.ts'
import {
  announce,
  type ListFlags,
  openSession,
  printList,
  printObject,
  printRows,
  type Session,
  withListFlags,
} from '../session.ts'
import { confirm, note, printJson, type Terminal } from '../terminal.ts'
import { printJob, waitForJob } from './jobs.ts'

const effects = {
  add: 'let producers join the population; each that joins is an event',
  remove: 'let producers leave it; each that leaves is an event',
  replace: 'make the population exactly these',
} as const
type Mode = keyof typeof effects

/** Parts of a difference that say what happens, or what is wrong. */
const PARTS = ['add', 'remove', 'repeated', 'invalid'] as const
const INVALID_SHOWN = 10

type ChangeFlags = { file?: string; wait?: true; dryRun?: true }

export function addProducers(program: Command, terminal: Terminal): void {
  const producers = program.command('producers').alias('population').description('the monitored population')

  withListFlags(producers.command('list').description('the producers of the population, by NPN'))
    .option('--search <text>', 'first digits of an NPN, or beginnings of words of a name')
    .option('--state <state>', 'loading, ready, no_licenses, not_found or removed')
    .option('--sort <order>', 'npn, -npn, joined or -joined')
    .addHelpText('after', examples('producers list --state loading', 'producers list --search smith --json --all'))
    .action(
      reading(terminal, async (session, flags: ListFlags & { search?: string; state?: string; sort?: string }) => {
        const query = { q: flags.search, state: flags.state, sort: flags.sort }
        await printList(session, session.api.underAccount('/population'), query, flags, [
          ['npn', 'npn'],
          ['name', 'name'],
          ['state', 'state'],
          ['as of', 'asOf'],
          ['joined', 'joinedAt'],
          ['active licenses', 'activeLicenses'],
        ])
      }),
    )

  producers
    .command('get <npn>')
    .description('one producer: how its data stands, its licenses in short, how it came and went')
    .addHelpText('after', examples('producers get 15645555', 'producers get 15645555 --json'))
    .action(
      reading(terminal, async (session, npn: string) => {
        printObject(session, await session.api.object('GET', underPopulation(session, `/${encodeURIComponent(npn)}`)))
      }),
    )

  for (const mode of ['add', 'remove', 'replace'] as const) {
    producers
      .command(`${mode} [npn...]`)
      .description(effects[mode])
      .option('--file <path>', 'CSV with a column npn, or NPNs one a line; - for stdin')
      .option('--dry-run', 'print the difference, and change nothing')
      .option('--wait', 'until the job has ended')
      .addHelpText(
        'after',
        examples(`producers ${mode} 15645555 19855109 --dry-run`, `producers ${mode} --file npns.csv --wait --yes`),
      )
      .action(async (given: string[], flags: ChangeFlags, command: Command) => {
        const list = await readList(terminal, given, flags.file)
        const session = openSession(terminal, command)
        const environment = await announce(session)
        const target = underPopulation(session, '/preview')
        const preview = await session.api.object('POST', target, { query: { mode }, body: list })
        note(terminal, inWords(preview))
        if (flags.dryRun) await printDifference(session, preview)
        else await apply(session, mode, preview, { isReal: environment !== 'sandbox', wait: flags.wait === true })
        refuseInvalid(preview)
      })
  }
}

function underPopulation({ api }: Session, path: string): string {
  return api.underAccount(`/population${path}`)
}

/** @throws Failure usage */
async function readList(terminal: Terminal, given: string[], file: string | undefined): Promise<FileBody> {
  if (file === undefined) {
    if (given.length === 0) throw usageFailure('No NPN is named.', 'Give NPNs, or --file PATH.')
    return new FileBody('text/plain', new TextEncoder().encode(given.join('\n')))
  }
  if (given.length > 0) throw usageFailure('NPNs are named, and a file is: give one of both.')
  return new FileBody('text/csv', file === '-' ? await readStdin(terminal) : readBytes(file))
}

/** As it is: it may be in UTF-16. */
async function readStdin({ stdin }: Terminal): Promise<Uint8Array<ArrayBuffer>> {
  if (stdin.isTTY) throw usageFailure('--file - is read from stdin, and stdin is a terminal.', 'Pipe it in.')
  return new Uint8Array(await buffer(stdin))
}

function readBytes(path: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(readFileSync(path))
  } catch {
    throw usageFailure(`--file: ${path} cannot be read.`)
  }
}

function countsOf({ counts }: Json): Record<string, number> {
  return Object.fromEntries(Object.entries(isJson(counts) ? counts : {}).map(([part, count]) => [part, Number(count)]))
}

function inWords(preview: Json): string {
  const { add = 0, remove = 0, same = 0, repeated = 0, invalid = 0 } = countsOf(preview)
  const endpoints = isJson(preview.events) ? Number(preview.events.endpoints) : 0
  const rest = [`${same} unchanged`, `${repeated} repeated`, `${invalid} invalid`].join(', ')
  return `${add} to add, ${remove} to remove; ${rest}; sends ${add + remove} events to ${endpoints} endpoints`
}

async function printDifference(session: Session, preview: Json): Promise<void> {
  const rows: Json[] = []
  for (const part of PARTS) rows.push(...(await readPart(session, preview, part, Number.POSITIVE_INFINITY)))
  if (session.flags.json) {
    printJson(session.terminal, { ...preview, rows })
    return
  }
  printRows(session, rows, [
    ['part', 'part'],
    ['value', 'value'],
    ['line', 'line'],
    ['reason', 'reason'],
  ])
}

async function readPart(session: Session, preview: Json, part: string, rowsMax: number): Promise<Json[]> {
  if (!((countsOf(preview)[part] ?? 0) > 0)) return []
  const target = underPopulation(session, `/preview/${String(preview.id)}`)
  const rows: Json[] = []
  for await (const row of session.api.rows(target, { part }, rowsMax)) rows.push(row)
  return rows
}

async function apply(
  session: Session,
  mode: Mode,
  preview: Json,
  { isReal, wait }: { isReal: boolean; wait: boolean },
): Promise<void> {
  const { terminal, flags } = session
  const { add = 0, remove = 0 } = countsOf(preview)
  for (const { line, value, message } of await readPart(session, preview, 'invalid', INVALID_SHOWN)) {
    note(terminal, `line ${String(line)}: ${JSON.stringify(value)}: ${String(message)}`)
  }
  if (add + remove === 0) {
    note(terminal, 'nothing to change')
    printObject(session, preview)
    return
  }
  const question = `${mode}: add ${add} and remove ${remove} producers${isReal ? ' in PRODUCTION' : ''}?`
  if (isReal || preview.mustConfirm === true) await confirm(terminal, question, flags.yes === true)
  const body = { previewId: preview.id, confirmRemovals: remove }
  const job = await session.api.object('POST', underPopulation(session, '/change'), { body })
  printJob(session, wait ? await waitForJob(session, job) : job)
}

/** The rest was done: exit code 10. */
function refuseInvalid(preview: Json): void {
  const { invalid = 0 } = countsOf(preview)
  if (invalid === 0) return
  throw new Failure(`${invalid} of the values are no NPN, or find no room.`, {
    exit: EXIT.partly,
    code: 'invalid_values',
  })
}
