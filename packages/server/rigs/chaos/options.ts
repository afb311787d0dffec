import { parseArgs } from 'node:util'
import { integer, UsageFault } from './usage.ts'

export const DEFAULT_FAULTS = ['kill', 'term', 'stop', 'db-kill', 'db-restart', 'db-terminate', 'partition'] as const
export type FaultKind = (typeof DEFAULT_FAULTS)[number]

/** Named by `all`, and not built: each needs a mount, a preloaded library or a machine of its own. */
const UNBUILT_FAULTS: Record<string, string> = {
  'disk-full': 'needs a size-limited file system, which only root may mount',
  'slow-disk': 'needs a library preloaded into PostgreSQL',
  clock: 'needs libfaketime',
  'power-cut': 'needs a loop file system, which only root may mount',
}

/** Bugs that the rig can plant; each must end in exit code 1. */
export const BREAKS = ['ack-before-commit', 'fsync-off', 'short-lease', 'no-fencing', 'jitter-subtracts'] as const
export type Break = (typeof BREAKS)[number]

export type Options = {
  json: boolean
  seed: number
  durationS: number
  workers: number
  events: number
  accounts: number
  endpoints: number
  faults: readonly FaultKind[]
  skipped: readonly Skipped[]
  break: Break | null
}
export type Skipped = { part: string; reason: string }

export const USAGE = `Usage: npm run -s chaos -- [--json] [--seed N] [--duration SECONDS] [--workers K] [--events N]
                             [--accounts N] [--endpoints N] [--faults LIST|all] [--break NAME]
Faults: ${DEFAULT_FAULTS.join(',')}; all adds ${Object.keys(UNBUILT_FAULTS).join(',')}
Breaks: ${BREAKS.join(', ')}
`

const EVENTS_PER_SECOND = 50

/** @throws UsageFault */
export function parseOptions(args: readonly string[], randomSeed: number): Options {
  const values = valuesOf(args)
  const durationS = integer('duration', values.duration, 60, 5, 86_400)
  return {
    json: values.json ?? false,
    seed: integer('seed', values.seed, randomSeed, 0, 2 ** 32 - 1),
    durationS,
    workers: integer('workers', values.workers, 2, 1, 16),
    events: integer('events', values.events, EVENTS_PER_SECOND * durationS, 1, 10_000_000),
    accounts: integer('accounts', values.accounts, 50, 1, 1_000),
    endpoints: integer('endpoints', values.endpoints, 200, 1, 10_000),
    ...faultsOf(values.faults),
    break: breakOf(values.break),
  }
}

function valuesOf(args: readonly string[]) {
  const text = { type: 'string' } as const
  try {
    return parseArgs({
      args: [...args],
      options: {
        json: { type: 'boolean' },
        seed: text,
        duration: text,
        workers: text,
        events: text,
        accounts: text,
        endpoints: text,
        faults: text,
        break: text,
      },
    }).values
  } catch (error) {
    throw new UsageFault(error instanceof Error ? error.message : String(error))
  }
}

function faultsOf(text: string | undefined): Pick<Options, 'faults' | 'skipped'> {
  const all = [...DEFAULT_FAULTS, ...Object.keys(UNBUILT_FAULTS)]
  const names = text === undefined ? DEFAULT_FAULTS : text === 'all' ? all : text.split(',')
  const unknown = names.filter((name) => !all.includes(name))
  if (unknown.length > 0) throw new UsageFault(`there is no fault ${unknown.join(', ')}`)
  return {
    faults: DEFAULT_FAULTS.filter((kind) => names.includes(kind)),
    skipped: names.flatMap((part) => {
      const reason = UNBUILT_FAULTS[part]
      return reason === undefined ? [] : [{ part, reason }]
    }),
  }
}

function breakOf(text: string | undefined): Break | null {
  if (text === undefined) return null
  const known = BREAKS.find((name) => name === text)
  if (!known) throw new UsageFault(`there is no break ${text}`)
  return known
}
