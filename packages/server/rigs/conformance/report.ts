import type { Behaviours } from './behaviours.ts'
import type { FuzzFigures } from './fuzz/fuzz.ts'
import type { LanguageResult } from './languages.ts'
import type { Verified } from './receiver.ts'

export type SdkFigures = { claimed: number; exercised: number; faults: number }

/** The last line. Faults in words go to the table and to stderr. */
export type Report = {
  operations: { claimed: number; exercised: number }
  sdk: Record<string, SdkFigures>
  /** Hooks of svix-react, rendered. */
  react: { checks: number; faults: number }
  schemaViolations: number
  intendedDifferences: number
  answers: number
  comparison: { compared: number; faults: number }
  notImplemented: { checked: number; faults: number }
  deliveries: Verified
  behaviours: Omit<Behaviours, 'faults'>
  languages: readonly LanguageResult[]
  fuzz: FuzzFigures
  seconds: number
}

/** The report, and every fault of it in words. */
export type Found = { report: Report; faults: readonly string[] }

export function isHeld(report: Report): boolean {
  const { operations, sdk, deliveries, behaviours, fuzz } = report
  return (
    operations.claimed === operations.exercised &&
    Object.values(sdk).every(({ claimed, exercised, faults }) => claimed === exercised && faults === 0) &&
    report.react.checks > 0 &&
    report.react.faults === 0 &&
    report.schemaViolations === 0 &&
    report.comparison.faults === 0 &&
    report.notImplemented.faults === 0 &&
    deliveries.failures.length === 0 &&
    Object.values(deliveries.verified).every((count) => count === deliveries.deliveries && count > 0) &&
    behaviours.failed === 0 &&
    report.languages.every(({ result }) => result !== 'failed') &&
    fuzz.faults === 0 &&
    fuzz.serverErrors === 0
  )
}

export function tableOf({ report, faults }: Found): string {
  const { operations, behaviours, deliveries, fuzz } = report
  const rows: [string, string][] = [
    ['operations', `${operations.exercised} of ${operations.claimed} exercised`],
    ...Object.entries(report.sdk).map(([name, { claimed, exercised, faults: wrong }]): [string, string] => [
      name,
      `${exercised} of ${claimed} operations, ${wrong} faults`,
    ]),
    ['svix-react', `${report.react.checks} checks of its hooks, ${report.react.faults} faults`],
    [
      'answers',
      `${report.answers}, ${report.schemaViolations} not as described, ${report.intendedDifferences} intended differences`,
    ],
    ['descriptions', `${report.comparison.compared} operations compared with L, ${report.comparison.faults} faults`],
    ['not implemented', `${report.notImplemented.checked} answer 501, ${report.notImplemented.faults} faults`],
    ['deliveries', `${deliveries.deliveries}, verified ${JSON.stringify(deliveries.verified)}`],
    [
      'behaviours',
      `${behaviours.passed} passed, ${behaviours.failed} failed, by ${behaviours.checks} checks; missing ${behaviours.missing.join(' ') || 'none'}`,
    ],
    ...report.languages.map(({ name, result, detail }): [string, string] => [
      name,
      `${result}${detail ? `: ${detail}` : ''}`,
    ]),
    ['fuzz', `${fuzz.requests} requests, seed ${fuzz.seed}, ${JSON.stringify(fuzz.byStatus)}, ${fuzz.faults} faults`],
    ['seconds', String(report.seconds)],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  const lines = rows.map(([name, words]) => `${name.padEnd(width)}  ${words}`)
  return [...lines, ...faults.map((fault) => `- ${fault}`), ''].join('\n')
}

/** The last line of a run that could not be made. */
export function failureReport(error: string): object {
  return {
    operations: { claimed: 0, exercised: 0 },
    sdk: {},
    schemaViolations: 0,
    behaviours: { passed: 0, failed: 0 },
    error,
  }
}
