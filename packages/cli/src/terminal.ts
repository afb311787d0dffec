import { createInterface } from 'node:readline/promises'
import { text } from 'node:stream/consumers'
import { styleText } from 'node:util'
import { EXIT, Failure, usageFailure } from './failure.ts'

/** The process as commands see it. */
export type Terminal = {
  stdin: NodeJS.ReadStream
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  env: NodeJS.ProcessEnv
  /** Working directory. */
  cwd: string
  /** Of `--color`; default `auto`. */
  color?: 'auto' | 'always' | 'never'
  /** Has Ctrl-C do this instead of ending the process. */
  onInterrupt?: (action: () => void) => void
}

const INPUT_BYTES_MAX = 20_000_000

/** A result: the one thing that goes to stdout. */
export function printJson({ stdout }: Terminal, value: unknown): void {
  stdout.write(`${JSON.stringify(value, null, stdout.isTTY ? 2 : 0)}\n`)
}

/** Rows for people: aligned on a terminal and cut to its width; else tab-separated, in full and without a head. */
export function printTable(terminal: Terminal, head: readonly string[], rows: readonly (readonly string[])[]): void {
  const { stdout } = terminal
  const clean = rows.map((row) => row.map((cell) => cell.replaceAll(/[\t\r\n]+/g, ' ')))
  if (!stdout.isTTY) {
    stdout.write(clean.map((row) => `${row.map((cell) => inColor(terminal, cell, cell)).join('\t')}\n`).join(''))
    return
  }
  const all = [head.map((name) => name.toUpperCase()), ...clean]
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  for (const [index, row] of all.entries()) {
    let left = stdout.columns || Number.POSITIVE_INFINITY // some terminals do not know their width
    const cells = row.map((cell, column) => {
      const shown = cell.padEnd(column === row.length - 1 ? 0 : (widths[column] ?? 0) + 2).slice(0, left)
      left -= shown.length
      return index === 0 ? paint(terminal, stdout, 'dim', shown) : inColor(terminal, cell, shown)
    })
    stdout.write(`${cells.join('').trimEnd()}\n`)
  }
}

const GOOD = 'green'
const BAD = 'red'
const DOUBTFUL = 'yellow'
type Style = typeof GOOD | typeof BAD | typeof DOUBTFUL | 'dim'
/** Words that say how something is, wherever they stand alone in a cell. */
const STYLES: Readonly<Record<string, Style>> = {
  ...{ ok: GOOD, enabled: GOOD, healthy: GOOD, delivered: GOOD, success: GOOD, succeeded: GOOD, published: GOOD },
  ...{ failed: BAD, exhausted: BAD, failing: BAD, disabled: BAD, partly_failed: BAD },
  ...{ warning: DOUBTFUL, retrying: DOUBTFUL, degraded: DOUBTFUL, paused: DOUBTFUL, held: DOUBTFUL },
}

function inColor(terminal: Terminal, word: string, shown: string): string {
  const style = Object.hasOwn(STYLES, word) ? STYLES[word] : undefined
  return style ? paint(terminal, terminal.stdout, style, shown) : shown
}

/** A text in colour: as `--color` says, else `NO_COLOR` and `FORCE_COLOR`, else on a terminal. */
export function paint(
  { color = 'auto', env }: Terminal,
  stream: Pick<NodeJS.WriteStream, 'isTTY'>,
  style: Style,
  shown: string,
): string {
  const isWanted =
    color === 'always' ||
    (color === 'auto' &&
      !env.NO_COLOR &&
      (env.FORCE_COLOR ? env.FORCE_COLOR !== '0' : stream.isTTY && env.TERM !== 'dumb'))
  return isWanted ? styleText(style, shown, { validateStream: false }) : shown
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
  const answer = await answerTo({ stdin, stderr }, `${question} [y/N] `)
  if (!/^y(es)?$/i.test(answer.trim())) throw usageFailure('Not done: the answer was not yes.')
}

/** Asks on a terminal; an empty answer is `fallback`. @throws Failure interrupted */
export async function ask(terminal: Terminal, question: string, fallback: string): Promise<string> {
  const answer = await answerTo(terminal, `${question}${fallback === '' ? '' : ` [${fallback}]`}: `)
  return answer.trim() || fallback
}

async function answerTo({ stdin, stderr }: Pick<Terminal, 'stdin' | 'stderr'>, question: string): Promise<string> {
  const prompt = createInterface({ input: stdin, output: stderr })
  const gone = new AbortController() // Ctrl-C, or Ctrl-D: there is no answer to wait for
  prompt.once('SIGINT', () => gone.abort()).once('close', () => gone.abort())
  return await prompt
    .question(question, { signal: gone.signal })
    .catch(() => {
      throw new Failure('Interrupted.', { exit: EXIT.interrupted, code: 'interrupted' })
    })
    .finally(() => prompt.close())
}

/** All of stdin, which must be a file or a pipe. @throws Failure usage */
export async function readInput({ stdin }: Terminal, what: string): Promise<string> {
  if (stdin.isTTY) throw usageFailure(`${what} is read from stdin, and stdin is a terminal.`, 'Pipe it in.')
  const input = await text(stdin)
  if (Buffer.byteLength(input) <= INPUT_BYTES_MAX) return input
  throw new Failure(`${what} has more than ${INPUT_BYTES_MAX} bytes.`, { exit: EXIT.usage, code: 'input_too_large' })
}
