import type { Command } from 'commander'
import { environments } from '#src/accounts/environments.ts'
import type { Environment } from '#src/accounts/principal.ts'
import { type Commands, environmentOption, leaf, type Options, print, SHOWN_ONCE, stateOf } from './commands.ts'
import { withOperator } from './connect.ts'

/** `key create`, `revoke` and `list`. */
export function keyCommands(admin: Command, commands: Commands): void {
  const key = admin.command('key').description('environment keys, for the management API')
  leaf(key, 'create', 'make an environment key; it is shown once')
    .addOption(environmentOption().makeOptionMandatory())
    .option('--name <name>', 'what it is for', '')
    .action(async ({ environment, name, json }: Options & { environment: Environment; name: string }) => {
      await withOperator(commands, async (operator) => {
        const made = await operator.createKey(environment, name)
        print(commands, json, { key: { ...made, environment } }, [`key id  ${made.id}`, `key     ${made.key}`])
        commands.output.message(SHOWN_ONCE)
      })
    })
  leaf(key, 'revoke', 'end an environment key; in force everywhere within 5 s')
    .argument('<key id>')
    .action(async (id: string, { json }: Options) => {
      await withOperator(commands, async (operator) => {
        await operator.revokeKey(id)
        print(commands, json, { revoked: id }, [`${id} is revoked.`])
      })
    })
  leaf(key, 'list', 'list environment keys, without the keys themselves')
    .addOption(environmentOption())
    .action(async ({ environment, json }: Options & { environment?: Environment }) => {
      await withOperator(commands, async (operator) => {
        const keys = []
        for (const each of environment ? [environment] : environments) {
          for (const found of await operator.keys(each)) keys.push({ ...found, environment: each })
        }
        print(
          commands,
          json,
          { keys },
          keys.map((each) => `${each.id}  ${each.environment}  ${stateOf(each)}  ${each.name}`),
        )
      })
    })
}
