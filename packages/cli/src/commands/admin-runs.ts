import type { Command } from 'commander'
import { isJson } from '../api.ts'
import { administering, examples, overseeing } from '../frame.ts'
import { printObject, printRows } from '../session.ts'
import type { Terminal } from '../terminal.ts'

const RUNS = '/v1/admin/runs'

type RunsFlags = { limit: string; feed?: string; state?: string }

/** The daily runs of all feeds, as the operator steers them. */
export function addAdminRuns(admin: Command, terminal: Terminal): void {
  const runs = admin.command('runs').description('the daily runs of all feeds')
  runs
    .command('list')
    .description('newest first')
    .option('--limit <rows>', 'rows at most', '50')
    .option('--feed <feed>', 'of one feed')
    .option('--state <state>', 'scheduled, collecting, publishing, held, published, no_report or failed')
    .addHelpText('after', examples('admin runs list', 'admin runs list --state held --json'))
    .action(
      overseeing(terminal, async (session, { limit: size, feed: feedId, state }: RunsFlags) => {
        const { embedded } = await session.api.object('GET', RUNS, { query: { size, feedId, state } })
        const found = isJson(embedded) && Array.isArray(embedded.runs) ? embedded.runs.filter(isJson) : []
        printRows(session, found, [
          ['id', 'id'],
          ['date', 'runDate'],
          ['feed', 'feedId'],
          ['state', 'state'],
          ['published', 'publishedAt'],
        ])
      }),
    )
  runs
    .command('start <feed>')
    .description('start the run of a day now')
    .option('--date <date>', 'the day, YYYY-MM-DD')
    .option('--full', 'read every producer anew')
    .addHelpText('after', examples('admin runs start nipr', 'admin runs start nipr --date 2026-03-06 --full'))
    .action(
      administering(
        terminal,
        (feed: string, _flags: { date?: string; full?: true }) => `Start a run of ${feed}`,
        async (session, feedId, { date: runDate, full: fullRefresh }) =>
          printObject(session, await session.api.object('POST', RUNS, { body: { feedId, runDate, fullRefresh } })),
      ),
    )
  for (const [word, what, effect] of [
    ['release', 'Release', 'let a held run publish'],
    ['cancel', 'Cancel', 'end a run that does not publish yet'],
  ] as const) {
    runs
      .command(`${word} <run>`)
      .description(effect)
      .addHelpText('after', examples(`admin runs ${word} 018e…`, `admin runs ${word} 018e… --yes --json`))
      .action(
        administering(
          terminal,
          (id: string) => `${what} the run ${id}`,
          async (session, id) =>
            printObject(session, await session.api.object('POST', `${RUNS}/${encodeURIComponent(id)}/${word}`)),
        ),
      )
  }
}
