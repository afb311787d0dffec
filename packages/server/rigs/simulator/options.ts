import { parseArgs } from 'node:util'
import { integer, UsageFault } from '../chaos/usage.ts'

/** Bugs that the simulator can plant; each must end in exit code 1. */
export const BREAKS = [
  'ack-before-commit',
  'short-lease',
  'no-fencing',
  'jitter-subtracts',
  'no-self-stop',
  'forgetful-recorder',
  'old-endpoints',
] as const
export type Break = (typeof BREAKS)[number]

export type Options = {
  json: boolean
  /** The first seed; the others follow it. */
  seed: number
  seeds: number
  /** No further seed starts after this; null: all seeds run. */
  durationS: number | null
  /** Processes that share the seeds. */
  jobs: number
  /** Say what happens, step by step. */
  verbose: boolean
  break: Break | null
}

export const USAGE = `Usage: npm run -s simulate -- [--json] [--seed N] [--seeds K] [--duration SECONDS] [--jobs J] [--verbose]
                                [--break NAME]
Runs seeds N, N+1, … one after the other; a failing one is printed, and --seed N --seeds 1 replays it.
Breaks: ${BREAKS.join(', ')}
`

/** @throws UsageFault */
export function parseOptions(args: readonly string[], randomSeed: number): Options {
  const values = valuesOf(args)
  const found = BREAKS.find((name) => name === values.break)
  if (values.break !== undefined && !found) throw new UsageFault(`there is no break ${values.break}`)
  return {
    json: values.json ?? false,
    seed: integer('seed', values.seed, randomSeed, 0, 2 ** 32 - 1),
    seeds: integer('seeds', values.seeds, values.duration === undefined ? 1_000 : 10_000_000, 1, 10_000_000),
    durationS: values.duration === undefined ? null : integer('duration', values.duration, 60, 1, 86_400),
    jobs: integer('jobs', values.jobs, 4, 1, 64),
    verbose: values.verbose ?? false,
    break: found ?? null,
  }
}

function valuesOf(args: readonly string[]) {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  try {
    return parseArgs({
      args: [...args],
      options: { json: flag, verbose: flag, seed: text, seeds: text, jobs: text, duration: text, break: text },
    }).values
  } catch (error) {
    throw new UsageFault(error instanceof Error ? error.message : String(error))
  }
}
