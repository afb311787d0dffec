import { type Command, InvalidArgumentError } from 'commander'
import { type Config, ConfigError, loadConfig } from '#src/config.ts'
import { type Commands, leaf, type Options, print, Refused } from './commands.ts'
import { withConnection } from './connect.ts'
import { examine } from './doctor/examine.ts'
import { type Finding, failed, PAGES } from './doctor/finding.ts'

const REACH = 'https://www.iana.org/'
const MARKS = { ok: 'ok', warning: 'WARN', failed: 'FAIL', skipped: '-' } as const

/** `doctor`. */
export function doctorCommand(admin: Command, commands: Commands): void {
  leaf(admin, 'doctor', 'look at all that keeps this installation from working; exit code 1 when something does')
    .option('--strict', 'exit code 1 for warnings too')
    .option(
      '--reach <url>',
      'a page of the Internet that shows whether receivers can be reached',
      parseUrl,
      new URL(REACH),
    )
    .action(async ({ strict, reach, json }: Options & { strict?: true; reach: URL }) => {
      const config = readSettings(commands, json)
      await withConnection(config, commands, async (connection) => {
        const findings = await examine({ config, connection, reach })
        const counts = { failed: countOf(findings, 'failed'), warnings: countOf(findings, 'warning') }
        print(commands, json, { ok: counts.failed === 0, ...counts, findings }, findings.flatMap(linesOf))
        if (counts.failed > 0) throw new Refused(`${counts.failed} of ${findings.length} checks failed.`)
        if (strict && counts.warnings > 0) throw new Refused(`${counts.warnings} of ${findings.length} checks warn.`)
      })
    })
}

/** What is wrong with the settings is a finding like others; nothing else can be looked at then. @throws ConfigError */
function readSettings(commands: Commands, json: boolean | undefined): Config {
  try {
    return loadConfig(commands.variables)
  } catch (error) {
    if (!(error instanceof ConfigError) || !json) throw error
    const settings = failed(error.faults.join('; '), 'npm run -s admin -- check-config')
    const findings = [{ check: 'settings', page: PAGES.install, ...settings }]
    print(commands, json, { ok: false, failed: 1, warnings: 0, findings }, [])
    throw error
  }
}

function linesOf(finding: Finding): string[] {
  const line = `${MARKS[finding.state].padEnd(4)}  ${finding.check.padEnd(14)}  ${finding.text}`
  const indent = ' '.repeat(22)
  return 'remedy' in finding ? [line, `${indent}${finding.remedy}`, `${indent}${finding.page}`] : [line]
}

function countOf(findings: readonly Finding[], state: Finding['state']): number {
  return findings.filter((finding) => finding.state === state).length
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || !/^https?:$/.test(url.protocol)) throw new InvalidArgumentError('It must be an http or https URL.')
  return url
}
