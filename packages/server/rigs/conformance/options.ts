import { parseArgs } from 'node:util'
import { LANGUAGE_NAMES, type LanguageName } from './languages.ts'

export type Options = {
  json: boolean
  /** Of the fuzz run. */
  seed: number
  requests: number
  /** SDKs of other languages to try too, where the machine has what they need. */
  languages: readonly LanguageName[]
  /** Report of a run of the tests (vitest's JSON); null: the rig runs those of the behaviours itself. */
  tests: string | null
}

export const USAGE = `Proves that the service is what its description and the Svix API say, with official SDKs, on a real database.

Usage: npm run -s conformance -- [options]

  --seed N        fixes the fuzz run; default random, always printed
  --requests N    requests of the fuzz run, 0 to 1000000; default 20000
  --languages L   also SDKs of other languages, a comma list of ${LANGUAGE_NAMES.join(', ')}, or all: installed into a temporary folder
                  where the language is here; Rust's is compiled for a minute
  --tests FILE    results of the numbered tests, as vitest's JSON reporter wrote them; default: they are run
  --json          only the last line, one JSON object, which is printed in any case
  --help          this text

The Svix descriptions are read from ORACLE_DIR, or from ../shared/oracle beside the project.
Exit codes: 0 everything holds, 1 something does not, 2 wrong usage, or it could not run.
`

/** The command line cannot be understood; the message says why. */
export class UsageFault extends Error {}

const SEEDS = 2 ** 32

/** @throws UsageFault */
export function parseOptions(args: readonly string[], randomSeed: number): Options | 'help' {
  const values = valuesOf(args)
  if (values.help) return 'help'
  return {
    json: values.json ?? false,
    seed: integer('seed', values.seed, randomSeed, SEEDS - 1),
    requests: integer('requests', values.requests, 20_000, 1_000_000),
    languages: languagesOf(values.languages),
    tests: values.tests ?? null,
  }
}

function valuesOf(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        json: { type: 'boolean' },
        seed: { type: 'string' },
        requests: { type: 'string' },
        languages: { type: 'string' },
        tests: { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    throw new UsageFault(error instanceof Error ? error.message : String(error))
  }
}

function languagesOf(text: string | undefined): readonly LanguageName[] {
  if (text === undefined) return []
  if (text === 'all') return LANGUAGE_NAMES
  return text.split(',').map((word) => {
    const name = LANGUAGE_NAMES.find((known) => known === word)
    if (name) return name
    throw new UsageFault(`--languages: there is no "${word}"; choose of ${LANGUAGE_NAMES.join(', ')}, or all`)
  })
}

function integer(name: string, text: string | undefined, fallback: number, max: number): number {
  const value = text === undefined ? fallback : Number(text)
  if (Number.isInteger(value) && value >= 0 && value <= max) return value
  throw new UsageFault(`--${name} must be a whole number from 0 to ${max}`)
}
