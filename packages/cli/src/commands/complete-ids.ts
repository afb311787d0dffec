import type { Command } from 'commander'
import { usageFailure } from '../failure.ts'
import { anywhere, examples } from '../frame.ts'
import type { Terminal } from '../terminal.ts'

/** Where ids of a kind are listed, and which members of a row name it. */
const kinds: Readonly<Record<string, { path: string; ofAccount: boolean; names: readonly string[] }>> = {
  endpoint: { path: '/endpoint', ofAccount: true, names: ['uid', 'id'] },
  event: { path: '/msg', ofAccount: true, names: ['id'] },
  task: { path: '/api/v1/background-task', ofAccount: false, names: ['id'] },
  type: { path: '/api/v1/event-type', ofAccount: false, names: ['name'] },
}
const IDS_MAX = 100

/** What an argument or the value of a flag is called, where a shell can be told what there is. */
export function isIdKind(name: string): boolean {
  return Object.hasOwn(kinds, name)
}

export function addCompleteIds(program: Command, terminal: Terminal): void {
  program
    .command('complete-ids <kind>', { hidden: true })
    .description(`what completion of a shell asks: ${Object.keys(kinds).join(', ')}`)
    .addHelpText('after', examples('complete-ids endpoint', 'complete-ids type'))
    .action(
      anywhere(terminal, async ({ api }, name: string) => {
        const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined
        if (!kind) throw usageFailure(`There are no ids of ${name}.`)
        const path = kind.ofAccount ? api.underAccount(kind.path) : kind.path
        for await (const row of api.rows(path, {}, IDS_MAX)) {
          const id = kind.names.map((member) => row[member]).find((value) => typeof value === 'string')
          if (typeof id === 'string') terminal.stdout.write(`${id}\n`)
        }
      }),
    )
}
