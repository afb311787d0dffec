import type { Command } from 'commander'
import type { Environment } from '#src/accounts/principal.ts'
import { verifyAudit } from '#src/audit/store.ts'
import { type Commands, environmentOption, leaf, type Options, print, Refused } from './commands.ts'
import { withOperator } from './connect.ts'

/** `audit verify`. */
export function auditCommands(admin: Command, commands: Commands): void {
  const audit = admin.command('audit').description('who did what')
  leaf(
    audit,
    'verify',
    'check that no line of an account was altered, removed or put in later; exit code 1 when one was',
  )
    .requiredOption('--account <id or uid>', 'whose')
    .addOption(environmentOption())
    .action(async (options: Options & { account: string; environment?: Environment }) => {
      await withOperator(commands, async (operator) => {
        const { lines, brokenAt } = await operator.forAccount(options, (tx, { id }) => verifyAudit(tx, id))
        print(commands, options.json, { lines, brokenAt }, [
          `${lines} lines`,
          brokenAt === null ? 'all in order' : `broken at ${brokenAt}`,
        ])
        if (brokenAt !== null) throw new Refused('The audit of this account was tampered with.')
      })
    })
}
