import type { Command } from 'commander'
import { Option } from 'commander'
import { environments, isEnvironment } from '#src/accounts/environments.ts'
import type { Environment } from '#src/accounts/principal.ts'
import { ConfigError } from '#src/config.ts'

/** What a command may print to: results, and words for people. */
export type Output = { result: (text: string) => void; message: (text: string) => void }
export type Variables = Readonly<Record<string, string | undefined>>

/** What every command has: the environment of the process, and where it prints. */
export type Commands = { variables: Variables; output: Output }

/** A command that cannot be done as things are; the message says what to do. */
export class Refused extends Error {}

export type Options = { json?: true }
export const SHOWN_ONCE = 'Keep the secret now: it is shown this once.'

/** A command that does something: its errors are thrown, and `--json` is one of its options. */
export function leaf(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .option('--json', 'print one JSON object')
    .allowExcessArguments(false)
}

/** Prints what a command gives: for people, or with `--json` as one JSON object. */
export function print({ output }: Commands, json: boolean | undefined, result: object, lines: readonly string[]): void {
  output.result(json ? JSON.stringify(result) : lines.join('\n'))
}

export function environmentOption(): Option {
  return new Option('--environment <environment>', 'of which environment').choices([...environments])
}

export function parseEnvironment(text: string): Environment {
  if (isEnvironment(text)) return text
  throw new ConfigError([`environment: must be one of ${environments.join(', ')}`])
}

export function stateOf({ revokedAt }: { revokedAt: Date | null }): string {
  return revokedAt ? `revoked ${revokedAt.toISOString()}` : 'valid'
}
