import { runCommand } from '../chaos/command.ts'
import { parseOptions, USAGE } from './options.ts'
import { exitCodeOf, failureReport } from './report.ts'
import { run } from './run.ts'

/**
 * `npm run -s test:browser`: the portal in a real Chromium, on the real service, PostgreSQL and receivers (portal 13). The last
 * line of its output is one JSON object, always. Exit codes: 0 everything holds · 1 something does not · 2 could not run.
 */
await runCommand({
  usage: USAGE,
  parse: parseOptions,
  begin: ({ parts }) => `browser: ${parts.join(', ')}`,
  run,
  fail: failureReport,
  exitCodeOf,
})
