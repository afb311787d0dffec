import { runCommand } from './command.ts'
import { parseOptions, USAGE } from './options.ts'
import { exitCodeOf, reportFailure } from './report.ts'
import { run } from './run.ts'

/**
 * `npm run -s chaos`: tries to make the running service lose, double or strand an event (reliability-security, 16). The last
 * line of its output is one JSON object, always. Exit codes: 0 all promises held · 1 one is broken · 2 could not run.
 */
await runCommand({
  usage: USAGE,
  parse: parseOptions,
  begin: ({ seed, durationS, faults }) => `chaos: seed ${seed}, ${durationS} s, faults ${faults.join(',')}`,
  run,
  fail: reportFailure,
  exitCodeOf,
})
