import { readFileSync } from 'node:fs'
import { CommanderError } from 'commander'
import { EXIT, Failure, failureText, usageFailure } from './failure.ts'
import { createProgram } from './program.ts'
import { paint, type Terminal } from './terminal.ts'

/** The process: arguments in, one exit code out. */

const { version }: { version: string } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const { stdin, stdout, stderr, env, argv } = process

// Whoever reads has had enough (`| head`): that is no fault.
for (const stream of [stdout, stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
}
let interrupt: () => void = () => process.exit(EXIT.interrupted)
process.on('SIGINT', () => interrupt())
process.on('SIGTERM', () => interrupt())
const onInterrupt = (action: () => void) => {
  interrupt = () => {
    interrupt = () => process.exit(EXIT.interrupted) // asked twice: at once
    action()
  }
}

const terminal: Terminal = { stdin, stdout, stderr, env, cwd: process.cwd(), onInterrupt }
const program = createProgram(terminal, version)
try {
  await program.parseAsync(argv)
} catch (error) {
  process.exitCode = end(error)
}

function end(error: unknown): number {
  if (error instanceof CommanderError) {
    // help that was asked for
    if (error.exitCode === 0) return 0
    if (error.code === 'commander.help') return EXIT.usage
    return tell(usageFailure(error.message.replace(/^error: /, '').replace(/\n/g, ' '), 'psapi --help'))
  }
  if (error instanceof Failure) return tell(error)
  const message = `This is a bug in psapi ${version}: ${error instanceof Error ? error.message : String(error)}`
  const hint = 'Please report it, with the command that you gave and without its secrets.'
  return tell(new Failure(message, { exit: EXIT.bug, code: 'bug', hint }))
}

function tell(failure: Failure): number {
  const shown = failureText(failure, argv.includes('--json'))
  stderr.write(shown.replace(/^error:/, (word) => paint(terminal, stderr, 'red', word)))
  return failure.details.exit
}
