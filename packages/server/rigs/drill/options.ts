import { parseArgs } from 'node:util'
import { integer, UsageFault } from '../chaos/usage.ts'

export const PARTS = ['upgrade', 'backup', 'journey'] as const
export type Part = (typeof PARTS)[number]

/** `lost-event`: the dump lacks an event that was acknowledged before it was taken. */
export const BUGS = ['lost-event'] as const
export type Bug = (typeof BUGS)[number]

export type Options = { json: boolean; seed: number; only: readonly Part[]; events: number; broken: Bug | null }

export const USAGE = `Usage: npm run -s drill -- [--json] [--only LIST] [--events N] [--seed N] [--break NAME]

What an operator does, done: an upgrade under load, backups under load and restores elsewhere, and a whole journey.
  --only LIST   of ${PARTS.join(', ')}; default: all of them
  --events N    events of each part while it goes on, 100 to 100000; default 600
  --break NAME  a planted bug that must end in exit code 1: ${BUGS.join(', ')} (part backup)

Exit codes: 0 nothing accepted was lost · 1 a promise is broken · 2 could not run, or a part was skipped.
`

/** @throws UsageFault */
export function parseOptions(args: readonly string[], randomSeed: number): Options {
  const values = valuesOf(args)
  const names: readonly string[] = values.only?.split(',') ?? PARTS
  const unknown = names.filter((name) => !PARTS.some((part) => part === name))
  if (unknown.length > 0) throw new UsageFault(`there is no part ${unknown.join(', ')}`)
  const broken = values.break === undefined ? null : (BUGS.find((bug) => bug === values.break) ?? null)
  if (values.break !== undefined && (broken === null || !names.includes('backup')))
    throw new UsageFault(`--break takes ${BUGS.join(', ')}, with the part backup`)
  return {
    json: values.json ?? false,
    seed: integer('seed', values.seed, randomSeed, 0, 2 ** 32 - 1),
    events: integer('events', values.events, 600, 100, 100_000),
    only: PARTS.filter((part) => names.includes(part)),
    broken,
  }
}

function valuesOf(args: readonly string[]) {
  const text = { type: 'string' } as const
  try {
    return parseArgs({
      args: [...args],
      options: { json: { type: 'boolean' }, seed: text, only: text, events: text, break: text },
    }).values
  } catch (error) {
    throw new UsageFault(error instanceof Error ? error.message : String(error))
  }
}
