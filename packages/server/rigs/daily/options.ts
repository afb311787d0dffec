import { parseArgs } from 'node:util'

export type Options = {
  json: boolean
  npns: number
  days: number
  accounts: number
  seed: string
  /** On the last day all licenses of one state get a new expiry. */
  bulkExpiry: boolean
  /** The API in a process of its own. */
  split: boolean
  /** One day over a population most of which is copied within the database. */
  large: boolean
  /** Of the large day: nobody reads meanwhile, so that the run goes as fast as it can. */
  alone: boolean
  /** The share of producers that change on a day. */
  changed: number
}

export const USAGE = `Usage: npm run -s daily -- [--json] [--npns N] [--days D] [--accounts A] [--seed S] [--bulk-expiry] [--split]
       npm run -s daily -- --large [--json] [--npns N] [--changed SHARE] [--alone] [--accounts A] [--seed S] [--split]
Plays D business days with faults for N producers monitored by A accounts, and compares what a client of the public API has
copied with what the simulator says. With --bulk-expiry all licenses of one state change on the last day, with
--split the API has a process of its own. With --large one day is played over N producers of whom only those that change on
it are loaded, the others being copies of them in the database; with --alone nobody reads meanwhile, and the run goes as fast as it can. Defaults: 2000 producers, 7 days, 3 accounts, seed 1, 0.03 change.
`

/** The command line cannot be understood; the message says why. */
export class UsageFault extends Error {}

/** @throws UsageFault */
export function parseOptions(args: readonly string[]): Options {
  const values = valuesOf(args)
  return {
    json: values.json ?? false,
    npns: integer('npns', values.npns, 2_000, 10, 1_000_000),
    days: integer('days', values.days, 7, 1, 60),
    accounts: integer('accounts', values.accounts, 3, 1, 20),
    seed: values.seed ?? '1',
    bulkExpiry: values['bulk-expiry'] ?? false,
    split: values.split ?? false,
    large: values.large ?? false,
    alone: values.alone ?? false,
    changed: share(values.changed),
  }
}

function valuesOf(args: readonly string[]) {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  try {
    const options = {
      json: flag,
      npns: text,
      days: text,
      accounts: text,
      seed: text,
      'bulk-expiry': flag,
      split: flag,
      large: flag,
      alone: flag,
      changed: text,
    } as const
    return parseArgs({ args: [...args], options }).values
  } catch (error) {
    throw new UsageFault(error instanceof Error ? error.message : String(error))
  }
}

function share(text: string | undefined): number {
  const value = Number(text ?? 0.03)
  if (!(value > 0 && value <= 1)) throw new UsageFault('--changed must be a number above 0, at most 1')
  return value
}

function integer(name: string, text: string | undefined, fallback: number, min: number, max: number): number {
  if (text === undefined) return fallback
  const value = Number(text)
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new UsageFault(`--${name} must be a whole number from ${min} to ${max}`)
  }
  return value
}
