import type { Command } from 'commander'
import { announce, announceChange, openSession, type Session } from './session.ts'
import type { Terminal } from './terminal.ts'

/** What a command does, with the arguments and flags that it was given. */
type Run<Given extends unknown[]> = (session: Session, ...given: Given) => Promise<void>

/** A command that reads: says where, then does it. For `.action`. */
export function reading<Given extends unknown[]>(terminal: Terminal, run: Run<Given>) {
  return framed(terminal, run, announce)
}

/** A command that changes something: says where, and in production asks first. @param what  to be done, for the question */
export function changing<Given extends unknown[]>(
  terminal: Terminal,
  what: string | ((...given: Given) => string),
  run: Run<Given>,
) {
  return framed(terminal, run, (session, given) =>
    announceChange(session, typeof what === 'string' ? what : what(...given)),
  )
}

/** Commander gives arguments, flags and the command itself, in this order. */
function framed<Given extends unknown[]>(
  terminal: Terminal,
  run: Run<Given>,
  before: (session: Session, given: Given) => Promise<unknown>,
) {
  return async (...all: [...Given, Command]): Promise<void> => {
    const command = all.at(-1) as Command
    const given = all.slice(0, -1) as unknown as Given
    const session = openSession(terminal, command)
    await before(session, given)
    await run(session, ...given)
  }
}

/** Of the help of a command. */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  psapi ${line}\n`).join('')}`
}
