import type { Command } from 'commander'
import { anywhere, examples } from '../frame.ts'
import { openInBrowser } from '../open-in-browser.ts'
import type { Terminal } from '../terminal.ts'

export function addOpen(program: Command, terminal: Terminal): void {
  program
    .command('open [id]')
    .description('the page of anything that has an id, in the portal; prints its address')
    .addHelpText('after', examples('open msg_3AZ', 'open'))
    .action(
      anywhere(terminal, async ({ api }, id: string | undefined) => {
        openInBrowser(terminal, `${api.url}/portal/${id === undefined ? '' : `o/${encodeURIComponent(id)}`}`)
      }),
    )
}
