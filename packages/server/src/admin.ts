import { Command, CommanderError } from 'commander'
import { WrongMasterKey } from '#src/accounts/encryption.ts'
import { MasterKeyFault } from '#src/accounts/master-key.ts'
import { DatabaseBusy, DatabaseUnavailable } from '#src/adapters/postgres/database.ts'
import { EmbeddedFailed } from '#src/adapters/postgres/embedded.ts'
import { SchemaError } from '#src/adapters/postgres/migrate.ts'
import { ConfigError } from '#src/config.ts'
import { DomainError } from '#src/domain-error.ts'
import { accountCommands } from './admin/account-commands.ts'
import { auditCommands } from './admin/audit-commands.ts'
import { clientCommands } from './admin/client-commands.ts'
import { type Commands, type Output, Refused, type Variables } from './admin/commands.ts'
import { doctorCommand } from './admin/doctor-command.ts'
import { environmentCommands } from './admin/environment-commands.ts'
import { keyCommands } from './admin/key-commands.ts'
import { linkCommands } from './admin/link-commands.ts'
import { masterKeyCommands } from './admin/master-key-commands.ts'
import { purgeCommand } from './admin/purge-command.ts'
import { restoreCheckCommand } from './admin/restore-check-command.ts'
import { schemaCommands } from './admin/schema-commands.ts'

const EXAMPLES = `
Examples:
  npm run -s admin -- account create --environment production --name "Contoso Insurance" --client
  npm run -s admin -- client rotate client_3Aa0F8E2yHdqfp6y2gwa1x3KJ8m
  npm run -s admin -- key create --environment sandbox --name deploy --json
  npm run -s admin -- login-link create --account contoso --role admin --person "Ada at Contoso"
  npm run -s admin -- operator-link --environment production --role support --person "Grace"
  npm run -s admin -- environment set sandbox httpsOnly=false testRequestOnSave=false
  npm run -s admin -- rewrap-keys
  npm run -s admin -- purge
  npm run -s admin -- doctor

It works on DATABASE_URL, or on the embedded database, whether the service is running on it or not.
Secrets are shown once and stored as hashes only. Exit codes: 0 done, 1 refused or failed, 2 wrong usage or configuration.`

/**
 * Runs one operator's command.
 * @param args  without the program's name
 * @returns the exit code: 0 done, 1 refused or failed, 2 wrong usage or configuration
 */
export async function runAdmin(args: readonly string[], variables: Variables, output: Output): Promise<0 | 1 | 2> {
  try {
    await program({ variables, output }).parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2 // commander has said why
    const known = knownFault(error)
    output.message(known.text)
    return known.code
  }
}

function program(commands: Commands): Command {
  const { output } = commands
  const admin = new Command('admin')
    .description(
      'What operators do: look after an installation, accounts, clients, keys, login links, settings, migrations, the master key.',
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.result(text.trimEnd()),
      writeErr: (text) => output.message(text.trimEnd()),
    })
    .showHelpAfterError('(add --help for the options)')
    .addHelpText('after', EXAMPLES)
  for (const add of COMMANDS) add(admin, commands)
  return admin
}

const COMMANDS = [
  doctorCommand,
  restoreCheckCommand,
  schemaCommands,
  accountCommands,
  clientCommands,
  keyCommands,
  linkCommands,
  auditCommands,
  environmentCommands,
  masterKeyCommands,
  purgeCommand,
]

/** What went wrong, in words for an operator. Anything else is a defect, and shown as one. */
function knownFault(error: unknown): { code: 1 | 2; text: string } {
  if (error instanceof ConfigError) return { code: 2, text: error.faults.join('\n') }
  if (error instanceof MasterKeyFault || error instanceof WrongMasterKey) return { code: 2, text: error.message }
  if (error instanceof DomainError) return { code: error.code === 'invalid_input' ? 2 : 1, text: error.message }
  const expected = [Refused, SchemaError, DatabaseUnavailable, DatabaseBusy, EmbeddedFailed]
  if (expected.some((kind) => error instanceof kind) && error instanceof Error) return { code: 1, text: error.message }
  return { code: 1, text: error instanceof Error ? (error.stack ?? error.message) : String(error) }
}

if (import.meta.main) {
  process.exitCode = await runAdmin(process.argv.slice(2), process.env, {
    result: (text) => void process.stdout.write(`${text}\n`),
    message: (text) => void process.stderr.write(`${text}\n`),
  })
}
