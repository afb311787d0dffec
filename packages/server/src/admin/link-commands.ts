import { type Command, Option } from 'commander'
import { type Environment, STAFF_ROLES, type StaffRole } from '#src/accounts/principal.ts'
import { loadConfig, publicUrlOf } from '#src/config.ts'
import { type Invitation, invite, inviteStaff, linksOf, withdraw } from '#src/portal/invite.ts'
import type { Link } from '#src/portal/link-store.ts'
import { ROLES } from '#src/portal/role.ts'
import { type Commands, environmentOption, leaf, type Options, print } from './commands.ts'
import { withOperator } from './connect.ts'

/** `login-link create`, `revoke` and `list`, and `operator-link`. */
export function linkCommands(admin: Command, commands: Commands): void {
  const link = admin.command('login-link').description('login links to the portal of an account')
  leaf(link, 'create', 'let somebody in; the link works once and is shown once')
    .requiredOption('--account <id or uid>', 'whose portal')
    .addOption(environmentOption())
    .addOption(new Option('--role <role>', 'what they may do').choices(ROLES).default('developer'))
    .option('--person <name>', 'whom it is for; their earlier unused links end')
    .option('--hours <hours>', 'how long it can be used, at most 168', Number, 168)
    .action(async ({ json, ...invitation }: Options & Invitation) => {
      const config = loadConfig(commands.variables)
      await withOperator(commands, async (operator) => {
        const { id, url, account, expiresAt } = await invite(operator, invitation, publicUrlOf(config))
        print(
          commands,
          json,
          { link: { id, url, accountId: account.id, environment: account.environment, expiresAt } },
          [`link id  ${id}`, `link     ${url}`, `until    ${expiresAt.toISOString()}`],
        )
        commands.output.message('Hand the link over now: it is shown this once, and works once.')
      })
    })
  leaf(link, 'revoke', 'end a link, and the session made from it; in force everywhere within 5 s')
    .argument('<link id>')
    .action(async (id: string, { json }: Options) => {
      await withOperator(commands, async (operator) => {
        await withdraw(operator, id)
        print(commands, json, { revoked: id }, [`${id} is revoked.`])
      })
    })
  leaf(link, 'list', 'list the links of an account, newest first, without their keys')
    .requiredOption('--account <id or uid>', 'whose')
    .addOption(environmentOption())
    .action(async (options: Options & { account: string; environment?: Environment }) => {
      await withOperator(commands, async (operator) => {
        const links = await linksOf(operator, options)
        const lines = links.map(
          (each) => `${each.id}  ${linkState(each)}  ${each.role ?? 'capabilities'}  ${each.person ?? '-'}`,
        )
        print(commands, options.json, { links }, lines)
      })
    })

  leaf(admin, 'operator-link', 'let somebody of your staff into the portal; the link works once and is shown once')
    .addOption(environmentOption().default('sandbox'))
    .addOption(
      new Option('--role <role>', 'support reads all accounts and makes login links, operator does everything')
        .choices(STAFF_ROLES)
        .default('operator'),
    )
    .option('--person <name>', 'whom it is for: the name stands at all that they do')
    .option('--hours <hours>', 'how long it can be used, at most 168', Number, 1)
    .action(
      async ({
        json,
        ...invitation
      }: Options & { environment: Environment; role: StaffRole; person?: string; hours: number }) => {
        const config = loadConfig(commands.variables)
        await withOperator(commands, async (operator) => {
          const { id, url, expiresAt } = await inviteStaff(operator, invitation, publicUrlOf(config))
          print(commands, json, { link: { id, url, environment: invitation.environment, expiresAt } }, [
            `link id  ${id}`,
            `link     ${url}`,
            `until    ${expiresAt.toISOString()}`,
          ])
          commands.output.message('Hand the link over now: it is shown this once, and works once.')
        })
      },
    )
}

function linkState({ usedAt, revokedAt, expiresAt }: Link): string {
  if (revokedAt) return `revoked ${revokedAt.toISOString()}`
  return usedAt ? `used ${usedAt.toISOString()}` : `until ${expiresAt.toISOString()}`
}
