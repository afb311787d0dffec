import { reasonOf } from '#src/adapters/reason.ts'

/** What a look at one thing has shown. `remedy`: what to do about it. */
export type Verdict =
  | { state: 'ok' | 'skipped'; text: string }
  | { state: 'warning' | 'failed'; text: string; remedy: string }

/** `page`: where the documentation says more, from the root of the repository. */
export type Finding = Verdict & { check: string; page: string }

/** One thing to look at. */
export type Check = { check: string; page: string; look: () => Promise<Verdict> }

export const ok = (text: string): Verdict => ({ state: 'ok', text })
export const skipped = (text: string): Verdict => ({ state: 'skipped', text })
export const warning = (text: string, remedy: string): Verdict => ({ state: 'warning', text, remedy })
export const failed = (text: string, remedy: string): Verdict => ({ state: 'failed', text, remedy })

/** Where the operators' pages are. */
export const PAGES = {
  install: 'docs/operations.md#install',
  watch: 'docs/operations.md#watch',
  upgrade: 'docs/operations.md#upgrade',
  backups: 'docs/operations.md#backups',
  doctor: 'docs/operations.md#doctor',
  daily: 'docs/daily-run.md',
  runbook: (name: string) => `docs/runbooks/${name}.md`,
} as const

/** Looks at one thing after the other. What cannot be looked at is a failure, not an end. */
export async function lookAt(checks: readonly Check[]): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { check, page, look } of checks) {
    const verdict = await look().catch((error: unknown) =>
      failed(`It could not be told: ${reasonOf(error)}.`, 'Mend what fails above this line, then look again.'),
    )
    findings.push({ check, page, ...verdict })
  }
  return findings
}

/** What would be looked at, had this not failed before. */
export function passOver(checks: readonly Check[], reason: string): Finding[] {
  return checks.map(({ check, page }) => ({ check, page, ...skipped(reason) }))
}
