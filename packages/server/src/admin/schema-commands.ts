import type { Command } from 'commander'
import { loadMasterKey } from '#src/accounts/master-key.ts'
import { migrate, missingMigrations } from '#src/adapters/postgres/migrate.ts'
import { loadConfig, printConfig } from '#src/config.ts'
import { type Commands, leaf, type Options, print, Refused } from './commands.ts'
import { withConnection } from './connect.ts'

/** `migrate` and `check-config`. */
export function schemaCommands(admin: Command, commands: Commands): void {
  leaf(admin, 'migrate', 'bring the schema of the database up to this release')
    .option('--check', 'only say what is missing; exit code 1 when something is')
    .action(async ({ check, json }: Options & { check?: true }) => {
      await withConnection(loadConfig(commands.variables), commands, async (connection) => {
        const names = check ? await missingMigrations(connection) : await migrate(connection)
        const none = check ? 'Nothing is missing.' : 'Nothing to do: the schema is as expected.'
        print(commands, json, check ? { missing: names } : { applied: names }, names.length === 0 ? [none] : names)
        if (check && names.length > 0) throw new Refused('Migrations are missing.')
      })
    })

  leaf(admin, 'check-config', 'check the configuration, and print it without secrets').action(
    async ({ json }: Options) => {
      const config = loadConfig(commands.variables)
      if (!config.masterKeyIsOurs) await loadMasterKey(config.masterKeyFile, { create: false })
      print(commands, json, { valid: true }, [printConfig(commands.variables).trimEnd()])
    },
  )
}
