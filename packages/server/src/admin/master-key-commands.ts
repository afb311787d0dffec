import type { Command } from 'commander'
import { environments } from '#src/accounts/environments.ts'
import { rewrapKeys } from '#src/accounts/rewrap.ts'
import { withoutRequest } from '#src/audit/without-request.ts'
import { type Commands, leaf, type Options, print, Refused } from './commands.ts'
import { openDatabase, withInstallation } from './connect.ts'

/** `rewrap-keys`. */
export function masterKeyCommands(admin: Command, commands: Commands): void {
  leaf(
    admin,
    'rewrap-keys',
    'put the keys of all accounts under the first line of MASTER_KEY_FILE, and let the other lines open nothing any more; ' +
      'before, every process has to run with both lines (docs/operations.md, Master key)',
  ).action(async ({ json }: Options) => {
    await withInstallation(commands, async ({ connection, clock, ids, masterKey }) => {
      const master = await masterKey()
      const keyId = master.id.toString('hex')
      const record = withoutRequest(ids, 'command_line')
      const owner = openDatabase(connection, 'migrate')
      try {
        const { accounts, lost } = await rewrapKeys(owner, master, clock.now(), async (tx) => {
          for (const environment of environments) {
            const target = { kind: 'master_key', id: keyId }
            await record(tx, { environment, accountId: null, operation: 'admin.rewrap-keys', target })
          }
        })
        if (lost.length > 0) {
          throw new Refused(
            `The keys of ${lost.length} account(s), such as ${lost[0]}, open with no line of MASTER_KEY_FILE. Their rows are ` +
              'damaged or of another database; while they are, the other lines stay valid.',
          )
        }
        print(commands, json, { rewrapped: accounts, masterKey: keyId }, [
          `${accounts} accounts are rewrapped; the database holds master key ${keyId} alone.`,
        ])
      } finally {
        await owner.close()
      }
    })
  })
}
