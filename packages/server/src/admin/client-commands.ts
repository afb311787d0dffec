import type { Command } from 'commander'
import type { Environment } from '#src/accounts/principal.ts'
import { type Commands, environmentOption, leaf, type Options, print, SHOWN_ONCE, stateOf } from './commands.ts'
import { withOperator } from './connect.ts'

/** `client create`, `rotate`, `revoke` and `list`. */
export function clientCommands(admin: Command, commands: Commands): void {
  const client = admin.command('client').description('OAuth2 clients of accounts')
  leaf(client, 'create', 'give an account one more client; its secret is shown once')
    .requiredOption('--account <id or uid>', 'whose')
    .addOption(environmentOption())
    .option('--name <name>', 'for people', 'client')
    .option('--scope <scopes...>', 'what it may ask for; default: producersync.read producersync.write webhooks')
    .action(
      async (options: Options & { account: string; environment?: Environment; name: string; scope?: string[] }) => {
        await withOperator(commands, async (operator) => {
          const made = await operator.createClient({ ...options, scopes: options.scope })
          printSecret(made, options.json, made.account.environment)
        })
      },
    )
  leaf(client, 'rotate', 'give a client a second secret; both are valid until one is revoked')
    .argument('<client id>')
    .action(async (id: string, { json }: Options) => {
      await withOperator(commands, async (operator) => {
        printSecret(await operator.rotateClient(id), json)
      })
    })
  leaf(client, 'revoke', 'end a client with its tokens, or one of its secrets; in force everywhere within 5 s')
    .argument('<client id>')
    .option('--secret <secret id>', 'only this secret, and the tokens got with it')
    .action(async (id: string, { secret, json }: Options & { secret?: string }) => {
      await withOperator(commands, async (operator) => {
        await operator.revokeClient(id, secret)
        print(commands, json, { revoked: secret ?? id }, [`${secret ?? id} is revoked.`])
      })
    })
  leaf(client, 'list', 'list the clients of an account and the ids of their secrets')
    .requiredOption('--account <id or uid>', 'whose')
    .addOption(environmentOption())
    .action(async (options: Options & { account: string; environment?: Environment }) => {
      await withOperator(commands, async (operator) => {
        const clients = await operator.clients(options)
        const lines = clients.flatMap((each) => [
          `${each.id}  ${stateOf(each)}  ${each.name}  ${each.scopes.join(' ')}`,
          ...each.secrets.map((secret) => `  ${secret.id}  ${stateOf(secret)}`),
        ])
        print(commands, options.json, { clients }, lines)
      })
    })

  function printSecret(
    made: { clientId: string; secretId: string; secret: string },
    json: boolean | undefined,
    which?: Environment,
  ): void {
    const answer = { id: made.clientId, secretId: made.secretId, secret: made.secret, environment: which }
    const lines = [
      `client id      ${made.clientId}`,
      `secret id      ${made.secretId}`,
      `client secret  ${made.secret}`,
    ]
    print(commands, json, { client: answer }, lines)
    commands.output.message(SHOWN_ONCE)
  }
}
