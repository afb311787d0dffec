import type { Command } from 'commander'
import { examples } from '../frame.ts'
import { openInBrowser } from '../open-in-browser.ts'
import { openSession } from '../session.ts'
import type { Terminal } from '../terminal.ts'

export function addOpen(program: Command, terminal: Terminal): void {
  program
    .command('open [id]')
    .description('the page of anything that has an id, in the portal; prints its address')
    .addHelpText('after', examples('open msg_3AZ', 'open'))
    .action((id: string | undefined, _flags: object, command: Command) => {
      const { api } = openSession(terminal, command)
      openInBrowser(terminal, `${api.url}/portal/${id === undefined ? '' : `o/${encodeURIComponent(id)}`}`)
    })
}
