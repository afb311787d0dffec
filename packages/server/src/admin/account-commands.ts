import type { Command } from 'commander'
import { environments } from '#src/accounts/environments.ts'
import type { Account, Environment } from '#src/accounts/principal.ts'
import { type Commands, environmentOption, leaf, type Options, print, SHOWN_ONCE } from './commands.ts'
import { withOperator } from './connect.ts'

/** `account create` and `account list`. */
export function accountCommands(admin: Command, commands: Commands): void {
  const account = admin.command('account').description('accounts')
  leaf(account, 'create', 'create an account')
    .addOption(environmentOption().makeOptionMandatory())
    .requiredOption('--name <name>', 'for people')
    .option('--uid <uid>', 'a name of your own, accepted wherever the id is')
    .option('--client', 'with an OAuth2 client; its secret is shown once')
    .action(async (options: Options & { environment: Environment; name: string; uid?: string; client?: true }) => {
      const { environment, name, uid, json } = options
      await withOperator(commands, async (operator, dataKeys) => {
        const input = { environment, name, uid, withClient: options.client ?? false }
        const made = await operator.createAccount(input, await dataKeys())
        const client = made.client && {
          id: made.client.clientId,
          secretId: made.client.secretId,
          secret: made.client.secret,
        }
        print(commands, json, { account: toAnswer(made.account), ...(client ? { client } : {}) }, [
          `account        ${made.account.id}`,
          `environment    ${environment}`,
          ...(client ? [`client id      ${client.id}`, `client secret  ${client.secret}`] : []),
        ])
        if (client) commands.output.message(SHOWN_ONCE)
      })
    })
  leaf(account, 'list', 'list accounts')
    .addOption(environmentOption())
    .action(async ({ environment, json }: Options & { environment?: Environment }) => {
      await withOperator(commands, async (operator) => {
        const all: object[] = []
        for (const each of environment ? [environment] : environments) {
          for await (const page of operator.accounts(each)) {
            if (json) all.push(...page.map(toAnswer))
            else commands.output.result(page.map(accountLine).join('\n'))
          }
        }
        if (json) commands.output.result(JSON.stringify({ accounts: all }))
      })
    })
}

function toAnswer({ id, uid, name, environment, populationMax, createdAt }: Account) {
  return { id, uid, name, environment, populationMax, createdAt }
}

function accountLine({ id, environment, uid, name }: Account): string {
  return `${id}  ${environment}  ${uid ?? '-'}  ${name}`
}
