import type { Command } from 'commander'
import { announce, announceChange, askInProduction, openSession, type Session } from './session.ts'
import { note, type Terminal } from './terminal.ts'
import { noticeUpdate } from './update-notice.ts'

/** What a command does, with the arguments and flags that it was given. */
type Run<Given extends unknown[]> = (session: Session, ...given: Given) => Promise<void>

/** A command that is about no account, or says itself where it happens. */
export function anywhere<Given extends unknown[]>(terminal: Terminal, run: Run<Given>) {
  return framed(terminal, run, async () => undefined)
}

/** A command that reads: says where, then does it. For `.action`. */
export function reading<Given extends unknown[]>(terminal: Terminal, run: Run<Given>) {
  return framed(terminal, run, announce)
}

/** A command that changes something: says where, and in production asks first. @param what  to be done, for the question; undefined when these flags only read */
export function changing<Given extends unknown[]>(
  terminal: Terminal,
  what: (...given: Given) => string | undefined,
  run: Run<Given>,
) {
  return framed(terminal, run, async (session, given) => {
    const change = what(...given)
    await (change === undefined ? announce(session) : announceChange(session, change))
  })
}

/** As `reading`, for what is about an environment and no account in it. */
export function overseeing<Given extends unknown[]>(terminal: Terminal, run: Run<Given>) {
  return framed(terminal, run, announceEnvironment)
}

/** As `changing`, for what is about an environment and no account in it. */
export function administering<Given extends unknown[]>(
  terminal: Terminal,
  what: (...given: Given) => string | undefined,
  run: Run<Given>,
) {
  return framed(terminal, run, async (session, given) => {
    const change = what(...given)
    const environment = await announceEnvironment(session)
    if (change !== undefined) await askInProduction(session, environment, change)
  })
}

async function announceEnvironment({ terminal, api }: Session): Promise<string> {
  const environment = await api.environment()
  note(terminal, environment.toUpperCase())
  return environment
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
    await noticeUpdate(session)
  }
}

/** Of the help of a command. */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  psapi ${line}\n`).join('')}`
}
