import { parseArgs } from 'node:util'
import { integer, UsageFault } from './usage.ts'

export const DEFAULT_FAULTS = ['kill', 'term', 'stop', 'db-kill', 'db-restart', 'db-terminate', 'partition'] as const
/** Of the disk below the database: each needs a file system of its own. */
export const DISK_FAULTS = ['disk-full', 'slow-disk', 'power-cut'] as const
export const ALL_FAULTS = [...DEFAULT_FAULTS, ...DISK_FAULTS, 'clock'] as const
export type FaultKind = (typeof ALL_FAULTS)[number]

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
Faults: ${DEFAULT_FAULTS.join(',')}; all adds ${ALL_FAULTS.slice(DEFAULT_FAULTS.length).join(',')}
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
    faults: faultsOf(values.faults),
    skipped: [],
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

function faultsOf(text: string | undefined): FaultKind[] {
  const names: readonly string[] = text === undefined ? DEFAULT_FAULTS : text === 'all' ? ALL_FAULTS : text.split(',')
  const kinds = ALL_FAULTS.filter((kind) => names.includes(kind))
  const unknown = names.filter((name) => !kinds.some((kind) => kind === name))
  if (unknown.length > 0) throw new UsageFault(`there is no fault ${unknown.join(', ')}`)
  return kinds
}

/** A part that was asked for cannot be done here. */
export function without(options: Options, kinds: readonly FaultKind[], reason: string): Options {
  const missing = options.faults.filter((kind) => kinds.includes(kind))
  return {
    ...options,
    faults: options.faults.filter((kind) => !missing.includes(kind)),
    skipped: [...options.skipped, ...missing.map((part) => ({ part, reason }))],
  }
}

function breakOf(text: string | undefined): Break | null {
  if (text === undefined) return null
  const known = BREAKS.find((name) => name === text)
  if (!known) throw new UsageFault(`there is no break ${text}`)
  return known
}
