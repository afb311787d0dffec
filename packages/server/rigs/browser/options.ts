import { parseArgs } from 'node:util'
import { UsageFault } from '../chaos/usage.ts'

export const PARTS = ['screens', 'journeys', 'speed', 'pictures'] as const
export type Part = (typeof PARTS)[number]

/** `journey`: only those whose name has one of these words in it, separated by commas; all when empty. */
export type Options = { json: boolean; parts: readonly Part[]; journey: string }

export const USAGE = `Usage: npm run -s test:browser -- [--json] [--only ${PARTS.join('|')}] [--journey WORDS]
The portal in a real Chromium, on the real service. Pictures are made only when asked for; they go to docs/portal.
`

/** @throws UsageFault */
export function parseOptions(args: readonly string[]): Options {
  const { json = false, only, journey = '' } = valuesOf(args)
  if (journey !== '') return { json, parts: ['journeys'], journey }
  if (only === undefined) return { json, parts: PARTS.filter((part) => part !== 'pictures'), journey }
  const part = PARTS.find((known) => known === only)
  if (!part) throw new UsageFault(`there is no part ${only}; choose of ${PARTS.join(', ')}`)
  return { json, parts: [part], journey }
}

function valuesOf(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { json: { type: 'boolean' }, only: { type: 'string' }, journey: { type: 'string' } },
    }).values
  } catch (error) {
    throw new UsageFault(error instanceof Error ? error.message : String(error))
  }
}
