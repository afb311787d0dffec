import { readFileSync } from 'node:fs'
import { usageFailure } from './failure.ts'
import { note, readInput, type Terminal } from './terminal.ts'

/**
 * A secret as a flag names it: `env:NAME`, `file:PATH`, `-` for stdin. One that stands in the flag itself is taken, with a warning:
 * others can see it in the list of processes.
 * @throws Failure usage
 */
export async function readSecret(terminal: Terminal, flag: string, reference: string): Promise<string> {
  if (reference === '-') return nonEmpty(flag, await readInput(terminal, flag))
  const [, kind, name = ''] = /^(env|file):(.+)$/.exec(reference) ?? []
  if (kind === 'env') return nonEmpty(flag, terminal.env[name] ?? '')
  if (kind === 'file') return nonEmpty(flag, readFile(flag, name))
  note(terminal, `warning: ${flag} holds a secret that other processes can see; say env:NAME, file:PATH or - instead`)
  return nonEmpty(flag, reference)
}

function readFile(flag: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw usageFailure(`${flag}: the file cannot be read.`)
  }
}

function nonEmpty(flag: string, secret: string): string {
  const trimmed = secret.trim()
  if (trimmed === '') throw usageFailure(`${flag}: there is nothing where the secret should be.`)
  return trimmed
}
