import { parseArgs } from 'node:util'
import { UsageFault } from '../chaos/usage.ts'

export const PARTS = ['screens', 'journeys', 'speed', 'pictures'] as const
export type Part = (typeof PARTS)[number]

/** `journey`, `screen`: only those whose name has one of these words in it, separated by commas; all when empty. */
export type Options = { json: boolean; parts: readonly Part[]; journey: string; screen: string }

export const USAGE = `Usage: npm run -s test:browser -- [--json] [--only ${PARTS.join('|')}] [--journey WORDS] [--screen WORDS]
The portal in a real Chromium, on the real service. Pictures are made only when asked for; they go to docs/portal.
`

/** Whether a name has one of the words in it. @param words  separated by commas; empty: all names have */
export function isNamed(name: string, words: string): boolean {
  return words.split(',').some((word) => name.includes(word))
}

/** @throws UsageFault */
export function parseOptions(args: readonly string[]): Options {
  const { json = false, only, journey = '', screen = '' } = valuesOf(args)
  if (journey !== '') return { json, parts: ['journeys'], journey, screen }
  if (screen !== '') return { json, parts: ['screens'], journey, screen }
  if (only === undefined) return { json, parts: PARTS.filter((part) => part !== 'pictures'), journey, screen }
  const part = PARTS.find((known) => known === only)
  if (!part) throw new UsageFault(`there is no part ${only}; choose of ${PARTS.join(', ')}`)
  return { json, parts: [part], journey, screen }
}

function valuesOf(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        json: { type: 'boolean' },
        only: { type: 'string' },
        journey: { type: 'string' },
        screen: { type: 'string' },
      },
    }).values
  } catch (error) {
    throw new UsageFault(error instanceof Error ? error.message : String(error))
  }
}
