import { parseArgs } from 'node:util'
import { integer, UsageFault } from '../chaos/usage.ts'

export const PARTS = ['receivers', 'ssrf'] as const
export type Part = (typeof PARTS)[number]

/** Bugs that the rig can plant; each must end in exit code 1. */
export const BREAKS = ['guard-off', 'any-address', 'follow-redirects', 'no-deadline', 'unbounded-body'] as const
export type Break = (typeof BREAKS)[number]

export type Options = {
  json: boolean
  seed: number
  durationS: number
  parts: readonly Part[]
  break: Break | null
}

export const USAGE = `Usage: npm run -s hostile -- [--json] [--seed N] [--duration SECONDS] [--only ${PARTS.join('|')}] [--break NAME]
Breaks: ${BREAKS.join(', ')}
The SSRF part needs network namespaces: Linux, iproute2, and root or unprivileged user namespaces.
`

/** @throws UsageFault */
export function parseOptions(args: readonly string[], randomSeed: number): Options {
  const values = valuesOf(args)
  return {
    json: values.json ?? false,
    seed: integer('seed', values.seed, randomSeed, 0, 2 ** 32 - 1),
    durationS: integer('duration', values.duration, 60, 10, 86_400),
    parts: values.only === undefined ? PARTS : [oneOf('part', PARTS, values.only)],
    break: values.break === undefined ? null : oneOf('break', BREAKS, values.break),
  }
}

function valuesOf(args: readonly string[]) {
  const text = { type: 'string' } as const
  try {
    return parseArgs({
      args: [...args],
      options: { json: { type: 'boolean' }, seed: text, duration: text, only: text, break: text },
    }).values
  } catch (error) {
    throw new UsageFault(error instanceof Error ? error.message : String(error))
  }
}

function oneOf<T extends string>(what: string, known: readonly T[], text: string): T {
  const found = known.find((name) => name === text)
  if (!found) throw new UsageFault(`there is no ${what} ${text}; choose of ${known.join(', ')}`)
  return found
}
