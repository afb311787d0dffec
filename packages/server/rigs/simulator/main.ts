import { runCommand } from '../chaos/command.ts'
import { parseOptions, USAGE } from './options.ts'
import { exitCodeOf, reportFailure } from './report.ts'
import { run } from './run.ts'

/**
 * `npm run -s simulate`: the delivery engine under one seed that drives clock, chance and network (reliability-security, R6). The
 * last line of its output is one JSON object, always. Exit codes: 0 all promises held · 1 one is broken · 2 could not run.
 */
await runCommand({
  usage: USAGE,
  parse: parseOptions,
  begin: ({ seed }) => `simulate: seeds from ${seed}`,
  run,
  fail: reportFailure,
  exitCodeOf,
})
