import { runCommand } from '../chaos/command.ts'
import { parseOptions, USAGE } from './options.ts'
import { exitCodeOf, reportFailure } from './report.ts'
import { run } from './run.ts'

/**
 * `npm run -s hostile`: receivers that do everything wrong, and targets that lead to where nobody may go
 * (reliability-security, 16). The last line of its output is one JSON object, always. Exit codes: 0 all promises held · 1 one is
 * broken · 2 could not run, or a part that was asked for was skipped.
 */
await runCommand({
  usage: USAGE,
  parse: parseOptions,
  begin: ({ seed, durationS, parts }) => `hostile: seed ${seed}, ${durationS} s, ${parts.join(' and ')}`,
  run,
  fail: reportFailure,
  exitCodeOf,
})
