import type { Command } from 'commander'
import { settingNames, shown } from '#src/accounts/environment-settings.ts'
import type { Environment } from '#src/accounts/principal.ts'
import { type Commands, leaf, type Options, parseEnvironment, print } from './commands.ts'
import { withOperator } from './connect.ts'

/** `environment set` and `environment show`. */
export function environmentCommands(admin: Command, commands: Commands): void {
  const environment = admin.command('environment').description('settings of an environment')
  leaf(environment, 'set', 'change settings; in force everywhere within 5 s')
    .argument('<environment>', 'sandbox or production', parseEnvironment)
    .argument('<name=value...>', `name=default goes back; names: ${settingNames.join(', ')}`)
    .action(async (which: Environment, assignments: string[], { json }: Options) => {
      await withOperator(commands, async (operator) => {
        printSettings(await operator.changeSettings(which, assignments), json)
      })
    })
  leaf(environment, 'show', 'show all settings')
    .argument('<environment>', 'sandbox or production', parseEnvironment)
    .action(async (which: Environment, { json }: Options) => {
      await withOperator(commands, async (operator) => {
        printSettings(await operator.settings(which), json)
      })
    })

  function printSettings(values: object, json: boolean | undefined): void {
    print(
      commands,
      json,
      { settings: values },
      Object.entries(values).map(([name, value]) => `${name}=${shown(value)}`),
    )
  }
}
