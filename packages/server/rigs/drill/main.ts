import { runCommand } from '../chaos/command.ts'
import { parseOptions, USAGE } from './options.ts'
import { exitCodeOf, reportFailure } from './report.ts'
import { run } from './run.ts'

/**
 * `npm run -s drill`: what docs/operations.md tells an operator to do, done on real processes and a real PostgreSQL, and judged by
 * the ledger of those who publish and receive. The last line of its output is one JSON object, always.
 */
await runCommand({
  usage: USAGE,
  parse: parseOptions,
  begin: ({ seed, only }) => `drill: seed ${seed}, ${only.join(', ')}`,
  run,
  fail: reportFailure,
  exitCodeOf,
})
