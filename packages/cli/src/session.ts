import type { Command } from 'commander'
import { Api, isJson, type Json, type Query } from './api.ts'
import { usageFailure } from './failure.ts'
import { type GlobalFlags, readSettings, type Settings } from './settings.ts'
import { cellOf, confirm, note, printJson, printRecord, printTable, type Terminal } from './terminal.ts'

/** What a command that touches an account works with. */
export type Session = { terminal: Terminal; flags: GlobalFlags; settings: Settings; api: Api; version: string }

export function openSession(terminal: Terminal, command: Command): Session {
  const flags: GlobalFlags = command.optsWithGlobals()
  const settings = readSettings(terminal, flags)
  return { terminal, flags, settings, api: new Api(terminal, settings, flags), version: versionOf(command) }
}

/** Of this program. */
function versionOf(command: Command): string {
  return command.parent === null ? (command.version() ?? '') : versionOf(command.parent)
}

/** Says on stderr where this happens. */
export async function announce({ terminal, api }: Session): Promise<string> {
  const environment = await api.environment()
  note(terminal, `${environment.toUpperCase()} ${api.account}`)
  return environment
}

/** As `announce`; in production it asks first. @throws Failure usage when the answer is no, or nobody is there to ask */
export async function announceChange(session: Session, what: string): Promise<void> {
  await askInProduction(session, await announce(session), what)
}

export async function askInProduction({ terminal, flags }: Session, environment: string, what: string): Promise<void> {
  if (environment !== 'sandbox') await confirm(terminal, `${what} in PRODUCTION?`, flags.yes === true)
}

/** A column of a table: its head, and the value of a row, by name or made. */
export type Column = readonly [head: string, value: string | ((row: Json) => unknown)]

export type ListFlags = { limit: string; all?: true }
const ROWS_DEFAULT = '50'

export function withListFlags(command: Command): Command {
  return command
    .option('--limit <rows>', 'rows at most', ROWS_DEFAULT)
    .option('--all', 'every row; with --json one per line')
}

/** Prints a list of the management API: a table, or with --json the rows as the API has them. */
export async function printList(
  session: Session,
  path: string,
  query: Query,
  list: ListFlags,
  columns: readonly Column[],
): Promise<void> {
  await printRowsOf(session, (rowsMax) => session.api.rows(path, query, rowsMax), list, columns)
}

/** As `printList`, for rows from anywhere. */
export async function printRowsOf(
  session: Session,
  rowsOf: (rowsMax: number) => AsyncGenerator<Json>,
  { limit, all }: ListFlags,
  columns: readonly Column[],
): Promise<void> {
  const { flags, terminal } = session
  const rowsMax = all ? Number.POSITIVE_INFINITY : Number(limit)
  if (!(rowsMax >= 1)) throw usageFailure('--limit takes a number of rows, 1 or more.')
  const rows: Json[] = []
  for await (const row of rowsOf(rowsMax)) {
    if (all && flags.json) terminal.stdout.write(`${JSON.stringify(row)}\n`)
    else rows.push(row)
  }
  if (all && flags.json) return
  printRows(session, rows, columns)
}

export function printRows({ terminal, flags }: Session, rows: Json[], columns: readonly Column[]): void {
  if (flags.json) {
    printJson(terminal, rows)
    return
  }
  const cells = rows.map((row) =>
    columns.map(([, value]) => shownValue(typeof value === 'string' ? row[value] : value(row), flags)),
  )
  printTable(
    terminal,
    columns.map(([head]) => head),
    cells,
  )
}

/** Prints one object. */
export function printObject({ terminal, flags }: Session, object: unknown): void {
  if (flags.json || !isJson(object)) {
    printJson(terminal, object ?? null)
    return
  }
  const record: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(object)) record[name] = shownValue(value, flags)
  printRecord(terminal, record)
}

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/

/** Moments in local time with their zone, or in UTC. */
export function shownValue(value: unknown, { utc }: GlobalFlags): string {
  if (utc || typeof value !== 'string' || !MOMENT.test(value)) return cellOf(value)
  const parts = new Intl.DateTimeFormat('sv-SE', {
    dateStyle: 'short',
    timeStyle: 'medium',
  }).format(new Date(value))
  const zone = new Intl.DateTimeFormat('en-US', { timeZoneName: 'shortOffset' }).formatToParts(new Date(value))
  return `${parts} ${zone.find(({ type }) => type === 'timeZoneName')?.value ?? ''}`
}
