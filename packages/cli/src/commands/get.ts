import type { Command } from 'commander'
import { usageFailure } from '../failure.ts'
import { anywhere, examples } from '../frame.ts'
import { printJson, type Terminal } from '../terminal.ts'

/** Any read, for what has no command of its own: what a screen of the portal has read can be read here. */
export function addGet(program: Command, terminal: Terminal): void {
  program
    .command('get <path>')
    .description('any read of the API, by its path from the root; prints the answer as JSON')
    .addHelpText('after', examples('get /api/v1/auth/whoami', "get '/api/v1/app/app_3AZ/audit?limit=10'"))
    .action(
      anywhere(terminal, async ({ api }, path: string) => {
        if (!path.startsWith('/')) throw usageFailure(`${path} is no path: it begins with /.`)
        printJson(terminal, await api.call('GET', path))
      }),
    )
}
