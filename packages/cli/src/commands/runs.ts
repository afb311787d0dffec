import type { Command } from 'commander'
import { isJson, type Json } from '../api.ts'
import { examples, reading } from '../frame.ts'
import { type ListFlags, printList, printObject, withListFlags } from '../session.ts'
import type { Terminal } from '../terminal.ts'

export function addRuns(program: Command, terminal: Terminal): void {
  const runs = program.command('runs').description('the daily runs, day by day')

  withListFlags(runs.command('list').description('newest first; a day without a run says why'))
    .addHelpText('after', examples('runs list', 'runs list --limit 5 --json'))
    .action(
      reading(terminal, async (session, flags: ListFlags) => {
        await printList(session, session.api.underAccount('/run'), {}, flags, [
          ['date', 'runDate'],
          ['state', stateOf],
          ['published', 'publishedAt'],
          ['producers changed', ({ account }) => (isJson(account) ? String(account.producersChanged) : null)],
          ['delivered', deliveredOf],
        ])
      }),
    )

  runs
    .command('get <date>')
    .description('one day: phases, what it changed here, and the reads that bring it')
    .addHelpText('after', examples('runs get 2026-03-06', 'runs get 2026-03-06 --json'))
    .action(
      reading(terminal, async (session, date: string) => {
        const target = session.api.underAccount(`/run/${encodeURIComponent(date)}`)
        printObject(session, await session.api.object('GET', target))
      }),
    )
}

function stateOf({ state, reason, late }: Json): string {
  const more = typeof reason === 'string' ? reason : late === true ? 'late' : undefined
  return more === undefined ? String(state) : `${String(state)} (${more})`
}

function deliveredOf({ deliveries }: Json): string | null {
  return isJson(deliveries) ? `${String(deliveries.delivered)} of ${String(deliveries.total)}` : null
}
