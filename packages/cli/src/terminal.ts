import { createInterface } from 'node:readline/promises'
import { text } from 'node:stream/consumers'
import { EXIT, Failure, usageFailure } from './failure.ts'

/** The process as commands see it. */
export type Terminal = {
  stdin: NodeJS.ReadStream
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  env: NodeJS.ProcessEnv
  /** Working directory. */
  cwd: string
  /** Has Ctrl-C do this instead of ending the process. */
  onInterrupt?: (action: () => void) => void
}

const INPUT_BYTES_MAX = 20_000_000

/** A result: the one thing that goes to stdout. */
export function printJson({ stdout }: Terminal, value: unknown): void {
  stdout.write(`${JSON.stringify(value, null, stdout.isTTY ? 2 : 0)}\n`)
}

/** Rows for people: aligned on a terminal and cut to its width; else tab-separated, in full and without a head. */
export function printTable({ stdout }: Terminal, head: readonly string[], rows: readonly (readonly string[])[]): void {
  const clean = rows.map((row) => row.map((cell) => cell.replaceAll(/[\t\r\n]+/g, ' ')))
  if (!stdout.isTTY) {
    stdout.write(clean.map((row) => `${row.join('\t')}\n`).join(''))
    return
  }
  const all = [head.map((name) => name.toUpperCase()), ...clean]
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  for (const row of all) {
    const line = row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
    stdout.write(`${line.trimEnd().slice(0, stdout.columns)}\n`)
  }
}

/** One object for people: a line for each of its members. */
export function printRecord(terminal: Terminal, record: Record<string, unknown>): void {
  const cells = Object.entries(record).map(([name, value]) => [name, cellOf(value)])
  printTable(terminal, ['field', 'value'], cells)
}

export function cellOf(value: unknown): string {
  if (value === null || value === undefined) return '-'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Progress and notices: whatever is not the result. */
export function note({ stderr }: Terminal, line: string): void {
  stderr.write(`${line}\n`)
}

/**
 * Asks before something that cannot be taken back.
 * @throws Failure usage, when there is nobody to ask or the answer is no; interrupted
 */
export async function confirm({ stdin, stderr }: Terminal, question: string, yes: boolean): Promise<void> {
  if (yes) return
  if (!stdin.isTTY || !stderr.isTTY) throw usageFailure(`${question} Nobody is there to ask.`, 'Say --yes.')
  const prompt = createInterface({ input: stdin, output: stderr })
  const gone = new AbortController() // Ctrl-C, or Ctrl-D: there is no answer to wait for
  prompt.once('SIGINT', () => gone.abort()).once('close', () => gone.abort())
  const answer = await prompt
    .question(`${question} [y/N] `, { signal: gone.signal })
    .catch(() => {
      throw new Failure('Interrupted.', { exit: EXIT.interrupted, code: 'interrupted' })
    })
    .finally(() => prompt.close())
  if (!/^y(es)?$/i.test(answer.trim())) throw usageFailure('Not done: the answer was not yes.')
}

/** All of stdin, which must be a file or a pipe. @throws Failure usage */
export async function readInput({ stdin }: Terminal, what: string): Promise<string> {
  if (stdin.isTTY) throw usageFailure(`${what} is read from stdin, and stdin is a terminal.`, 'Pipe it in.')
  const input = await text(stdin)
  if (Buffer.byteLength(input) <= INPUT_BYTES_MAX) return input
  throw new Failure(`${what} has more than ${INPUT_BYTES_MAX} bytes.`, { exit: EXIT.usage, code: 'input_too_large' })
}
