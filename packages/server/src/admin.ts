import { Command, CommanderError, Option } from 'commander'
import { DataKeys, holdsMasterKey, WrongMasterKey } from '#src/accounts/encryption.ts'
import { settingNames, shown } from '#src/accounts/environment-settings.ts'
import { environments, isEnvironment } from '#src/accounts/environments.ts'
import { loadMasterKey, MasterKeyFault } from '#src/accounts/master-key.ts'
import { Operator } from '#src/accounts/operator.ts'
import { type Account, type Environment, STAFF_ROLES, type StaffRole } from '#src/accounts/principal.ts'
import { DatabaseClock } from '#src/adapters/clock.ts'
import { IdSource } from '#src/adapters/ids.ts'
import { type Connection, Database, DatabaseBusy, DatabaseUnavailable } from '#src/adapters/postgres/database.ts'
import {
  connectionToRunning,
  EmbeddedFailed,
  EmbeddedInUse,
  startEmbeddedPostgres,
} from '#src/adapters/postgres/embedded.ts'
import { migrate, missingMigrations, SchemaError } from '#src/adapters/postgres/migrate.ts'
import { verifyAudit } from '#src/audit/store.ts'
import { withoutRequest } from '#src/audit/without-request.ts'
import { type Config, ConfigError, loadConfig, printConfig, publicUrlOf } from '#src/config.ts'
import { DomainError } from '#src/domain-error.ts'
import { type Invitation, invite, inviteStaff, linksOf, withdraw } from '#src/portal/invite.ts'
import type { Link } from '#src/portal/link-store.ts'
import { ROLES } from '#src/portal/role.ts'
import { preload } from '#src/updates/preload.ts'

/** What a command may print to: results, and words for people. */
export type Output = { result: (text: string) => void; message: (text: string) => void }
type Variables = Readonly<Record<string, string | undefined>>

/** A command that cannot be done as things are; the message says what to do. */
class Refused extends Error {}

const EXAMPLES = `
Examples:
  npm run -s admin -- account create --environment production --name "Contoso Insurance" --client
  npm run -s admin -- client rotate client_3Aa0F8E2yHdqfp6y2gwa1x3KJ8m
  npm run -s admin -- key create --environment sandbox --name deploy --json
  npm run -s admin -- login-link create --account contoso --role admin --person "Ada at Contoso"
  npm run -s admin -- operator-link --environment production --role support --person "Grace"
  npm run -s admin -- environment set sandbox httpsOnly=false testRequestOnSave=false

It works on DATABASE_URL, or on the embedded database, whether the service is running on it or not.
Secrets are shown once and stored as hashes only. Exit codes: 0 done, 1 refused or failed, 2 wrong usage or configuration.`

/**
 * Runs one operator's command.
 * @param args  without the program's name
 * @returns the exit code: 0 done, 1 refused or failed, 2 wrong usage or configuration
 */
export async function runAdmin(args: readonly string[], variables: Variables, output: Output): Promise<0 | 1 | 2> {
  try {
    await program(variables, output).parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2 // commander has said why
    const known = knownFault(error)
    output.message(known.text)
    return known.code
  }
}

function program(variables: Variables, output: Output): Command {
  const admin = new Command('admin')
    .description('What operators do: accounts, clients, keys, login links, settings, migrations.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.result(text.trimEnd()),
      writeErr: (text) => output.message(text.trimEnd()),
    })
    .showHelpAfterError('(add --help for the options)')
    .addHelpText('after', EXAMPLES)

  /** Prints what a command gives: for people, or with `--json` as one JSON object. */
  const print = (json: boolean | undefined, result: object, lines: readonly string[]) =>
    output.result(json ? JSON.stringify(result) : lines.join('\n'))

  leaf(admin, 'migrate', 'bring the schema of the database up to this release')
    .option('--check', 'only say what is missing; exit code 1 when something is')
    .action(async ({ check, json }: Options & { check?: true }) => {
      await withConnection(loadConfig(variables), output, async (connection) => {
        const names = check ? await missingMigrations(connection) : await migrate(connection)
        const none = check ? 'Nothing is missing.' : 'Nothing to do: the schema is as expected.'
        print(json, check ? { missing: names } : { applied: names }, names.length === 0 ? [none] : names)
        if (check && names.length > 0) throw new Refused('Migrations are missing.')
      })
    })

  leaf(admin, 'check-config', 'check the configuration, and print it without secrets').action(
    async ({ json }: Options) => {
      const config = loadConfig(variables)
      if (!config.masterKeyIsOurs) await loadMasterKey(config.masterKeyFile, { create: false })
      print(json, { valid: true }, [printConfig(variables).trimEnd()])
    },
  )

  const account = admin.command('account').description('accounts')
  leaf(account, 'create', 'create an account')
    .addOption(environmentOption().makeOptionMandatory())
    .requiredOption('--name <name>', 'for people')
    .option('--uid <uid>', 'a name of your own, accepted wherever the id is')
    .option('--client', 'with an OAuth2 client; its secret is shown once')
    .action(async (options: Options & { environment: Environment; name: string; uid?: string; client?: true }) => {
      const { environment, name, uid, json } = options
      await withOperator(loadConfig(variables), output, async (operator, dataKeys) => {
        const input = { environment, name, uid, withClient: options.client ?? false }
        const made = await operator.createAccount(input, await dataKeys())
        const client = made.client && {
          id: made.client.clientId,
          secretId: made.client.secretId,
          secret: made.client.secret,
        }
        print(json, { account: toAnswer(made.account), ...(client ? { client } : {}) }, [
          `account        ${made.account.id}`,
          `environment    ${environment}`,
          ...(client ? [`client id      ${client.id}`, `client secret  ${client.secret}`] : []),
        ])
        if (client) output.message(SHOWN_ONCE)
      })
    })
  leaf(account, 'list', 'list accounts')
    .addOption(environmentOption())
    .action(async ({ environment, json }: Options & { environment?: Environment }) => {
      await withOperator(loadConfig(variables), output, async (operator) => {
        const all: object[] = []
        for (const each of environment ? [environment] : environments) {
          for await (const page of operator.accounts(each)) {
            if (json) all.push(...page.map(toAnswer))
            else output.result(page.map(accountLine).join('\n'))
          }
        }
        if (json) output.result(JSON.stringify({ accounts: all }))
      })
    })

  const client = admin.command('client').description('OAuth2 clients of accounts')
  leaf(client, 'create', 'give an account one more client; its secret is shown once')
    .requiredOption('--account <id or uid>', 'whose')
    .addOption(environmentOption())
    .option('--name <name>', 'for people', 'client')
    .option('--scope <scopes...>', 'what it may ask for; default: producersync.read producersync.write webhooks')
    .action(
      async (options: Options & { account: string; environment?: Environment; name: string; scope?: string[] }) => {
        await withOperator(loadConfig(variables), output, async (operator) => {
          const made = await operator.createClient({ ...options, scopes: options.scope })
          printSecret(made, options.json, made.account.environment)
        })
      },
    )
  leaf(client, 'rotate', 'give a client a second secret; both are valid until one is revoked')
    .argument('<client id>')
    .action(async (id: string, { json }: Options) => {
      await withOperator(loadConfig(variables), output, async (operator) => {
        printSecret(await operator.rotateClient(id), json)
      })
    })
  leaf(client, 'revoke', 'end a client with its tokens, or one of its secrets; in force everywhere within 5 s')
    .argument('<client id>')
    .option('--secret <secret id>', 'only this secret, and the tokens got with it')
    .action(async (id: string, { secret, json }: Options & { secret?: string }) => {
      await withOperator(loadConfig(variables), output, async (operator) => {
        await operator.revokeClient(id, secret)
        print(json, { revoked: secret ?? id }, [`${secret ?? id} is revoked.`])
      })
    })
  leaf(client, 'list', 'list the clients of an account and the ids of their secrets')
    .requiredOption('--account <id or uid>', 'whose')
    .addOption(environmentOption())
    .action(async (options: Options & { account: string; environment?: Environment }) => {
      await withOperator(loadConfig(variables), output, async (operator) => {
        const clients = await operator.clients(options)
        const lines = clients.flatMap((each) => [
          `${each.id}  ${stateOf(each)}  ${each.name}  ${each.scopes.join(' ')}`,
          ...each.secrets.map((secret) => `  ${secret.id}  ${stateOf(secret)}`),
        ])
        print(options.json, { clients }, lines)
      })
    })

  const key = admin.command('key').description('environment keys, for the management API')
  leaf(key, 'create', 'make an environment key; it is shown once')
    .addOption(environmentOption().makeOptionMandatory())
    .option('--name <name>', 'what it is for', '')
    .action(async ({ environment, name, json }: Options & { environment: Environment; name: string }) => {
      await withOperator(loadConfig(variables), output, async (operator) => {
        const made = await operator.createKey(environment, name)
        print(json, { key: { ...made, environment } }, [`key id  ${made.id}`, `key     ${made.key}`])
        output.message(SHOWN_ONCE)
      })
    })
  leaf(key, 'revoke', 'end an environment key; in force everywhere within 5 s')
    .argument('<key id>')
    .action(async (id: string, { json }: Options) => {
      await withOperator(loadConfig(variables), output, async (operator) => {
        await operator.revokeKey(id)
        print(json, { revoked: id }, [`${id} is revoked.`])
      })
    })
  leaf(key, 'list', 'list environment keys, without the keys themselves')
    .addOption(environmentOption())
    .action(async ({ environment, json }: Options & { environment?: Environment }) => {
      await withOperator(loadConfig(variables), output, async (operator) => {
        const keys = []
        for (const each of environment ? [environment] : environments) {
          for (const found of await operator.keys(each)) keys.push({ ...found, environment: each })
        }
        print(
          json,
          { keys },
          keys.map((each) => `${each.id}  ${each.environment}  ${stateOf(each)}  ${each.name}`),
        )
      })
    })

  const link = admin.command('login-link').description('login links to the portal of an account')
  leaf(link, 'create', 'let somebody in; the link works once and is shown once')
    .requiredOption('--account <id or uid>', 'whose portal')
    .addOption(environmentOption())
    .addOption(new Option('--role <role>', 'what they may do').choices(ROLES).default('developer'))
    .option('--person <name>', 'whom it is for; their earlier unused links end')
    .option('--hours <hours>', 'how long it can be used, at most 168', Number, 168)
    .action(async ({ json, ...invitation }: Options & Invitation) => {
      const config = loadConfig(variables)
      await withOperator(config, output, async (operator) => {
        const { id, url, account, expiresAt } = await invite(operator, invitation, publicUrlOf(config))
        print(json, { link: { id, url, accountId: account.id, environment: account.environment, expiresAt } }, [
          `link id  ${id}`,
          `link     ${url}`,
          `until    ${expiresAt.toISOString()}`,
        ])
        output.message('Hand the link over now: it is shown this once, and works once.')
      })
    })
  leaf(link, 'revoke', 'end a link, and the session made from it; in force everywhere within 5 s')
    .argument('<link id>')
    .action(async (id: string, { json }: Options) => {
      await withOperator(loadConfig(variables), output, async (operator) => {
        await withdraw(operator, id)
        print(json, { revoked: id }, [`${id} is revoked.`])
      })
    })
  leaf(link, 'list', 'list the links of an account, newest first, without their keys')
    .requiredOption('--account <id or uid>', 'whose')
    .addOption(environmentOption())
    .action(async (options: Options & { account: string; environment?: Environment }) => {
      await withOperator(loadConfig(variables), output, async (operator) => {
        const links = await linksOf(operator, options)
        const lines = links.map(
          (each) => `${each.id}  ${linkState(each)}  ${each.role ?? 'capabilities'}  ${each.person ?? '-'}`,
        )
        print(options.json, { links }, lines)
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
        const config = loadConfig(variables)
        await withOperator(config, output, async (operator) => {
          const { id, url, expiresAt } = await inviteStaff(operator, invitation, publicUrlOf(config))
          print(json, { link: { id, url, environment: invitation.environment, expiresAt } }, [
            `link id  ${id}`,
            `link     ${url}`,
            `until    ${expiresAt.toISOString()}`,
          ])
          output.message('Hand the link over now: it is shown this once, and works once.')
        })
      },
    )

  const audit = admin.command('audit').description('who did what')
  leaf(
    audit,
    'verify',
    'check that no line of an account was altered, removed or put in later; exit code 1 when one was',
  )
    .requiredOption('--account <id or uid>', 'whose')
    .addOption(environmentOption())
    .action(async (options: Options & { account: string; environment?: Environment }) => {
      await withOperator(loadConfig(variables), output, async (operator) => {
        const { lines, brokenAt } = await operator.forAccount(options, (tx, { id }) => verifyAudit(tx, id))
        print(options.json, { lines, brokenAt }, [
          `${lines} lines`,
          brokenAt === null ? 'all in order' : `broken at ${brokenAt}`,
        ])
        if (brokenAt !== null) throw new Refused('The audit of this account was tampered with.')
      })
    })

  const environment = admin.command('environment').description('settings of an environment')
  leaf(environment, 'set', 'change settings; in force everywhere within 5 s')
    .argument('<environment>', 'sandbox or production', parseEnvironment)
    .argument('<name=value...>', `name=default goes back; names: ${settingNames.join(', ')}`)
    .action(async (which: Environment, assignments: string[], { json }: Options) => {
      await withOperator(loadConfig(variables), output, async (operator) => {
        printSettings(await operator.changeSettings(which, assignments), json)
      })
    })
  leaf(environment, 'show', 'show all settings')
    .argument('<environment>', 'sandbox or production', parseEnvironment)
    .action(async (which: Environment, { json }: Options) => {
      await withOperator(loadConfig(variables), output, async (operator) => {
        printSettings(await operator.settings(which), json)
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
    print(json, { client: answer }, lines)
    output.message(SHOWN_ONCE)
  }

  function printSettings(values: object, json: boolean | undefined): void {
    print(
      json,
      { settings: values },
      Object.entries(values).map(([name, value]) => `${name}=${shown(value)}`),
    )
  }

  return admin
}

type Options = { json?: true }
const SHOWN_ONCE = 'Keep the secret now: it is shown this once.'

/** A command that does something: its errors are thrown, and `--json` is one of its options. */
function leaf(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .option('--json', 'print one JSON object')
    .allowExcessArguments(false)
}

function environmentOption(): Option {
  return new Option('--environment <environment>', 'of which environment').choices([...environments])
}

function parseEnvironment(text: string): Environment {
  if (isEnvironment(text)) return text
  throw new ConfigError([`environment: must be one of ${environments.join(', ')}`])
}

function toAnswer({ id, uid, name, environment, populationMax, createdAt }: Account) {
  return { id, uid, name, environment, populationMax, createdAt }
}

function accountLine({ id, environment, uid, name }: Account): string {
  return `${id}  ${environment}  ${uid ?? '-'}  ${name}`
}

function stateOf({ revokedAt }: { revokedAt: Date | null }): string {
  return revokedAt ? `revoked ${revokedAt.toISOString()}` : 'valid'
}

function linkState({ usedAt, revokedAt, expiresAt }: Link): string {
  if (revokedAt) return `revoked ${revokedAt.toISOString()}`
  return usedAt ? `used ${usedAt.toISOString()}` : `until ${expiresAt.toISOString()}`
}

/** Gives `work` the database: by URL, or the embedded one, started for the while when no service is running on it. */
async function withConnection(
  config: Config,
  output: Output,
  work: (connection: Connection) => Promise<void>,
): Promise<void> {
  if (config.database) return await work(config.database)
  const log = {
    info: () => {},
    warn: (_: unknown, text: string) => output.message(text),
    error: (_: unknown, text: string) => output.message(text),
  }
  let server: Awaited<ReturnType<typeof startEmbeddedPostgres>>
  try {
    server = await startEmbeddedPostgres({ dataDir: config.dataDir, log })
  } catch (error) {
    if (!(error instanceof EmbeddedInUse)) throw error
    return await work(connectionToRunning(config.dataDir))
  }
  try {
    await work(server.connection)
  } finally {
    await server.stop()
  }
}

/** Gives `work` an operator of a database that the service has been started on, and on demand its data keys. */
async function withOperator(
  config: Config,
  output: Output,
  work: (operator: Operator, dataKeys: () => Promise<DataKeys>) => Promise<void>,
): Promise<void> {
  await withConnection(config, output, async (connection) => {
    const missing = await missingMigrations(connection)
    if (missing.length > 0) {
      throw new Refused('The database is not of this release yet: start the service on it, or run the command migrate.')
    }
    const database = new Database(connection, {
      role: 'api',
      connectionsMax: 2,
      applicationName: 'producersync-admin',
      statementTimeoutMs: 10_000,
      queryTimeoutMs: 15_000,
    })
    try {
      const clock = await readClock(database)
      const ids = new IdSource(clock)
      const dataKeys = async () => {
        const master = await loadMasterKey(config.masterKeyFile, { create: false })
        if (!(await holdsMasterKey(database, master))) throw new WrongMasterKey()
        return new DataKeys(master)
      }
      if (!(await hasStarted(database))) {
        throw new Refused(
          'The service has not been started on this database yet: its first start makes the environments.',
        )
      }
      await work(new Operator(database, { clock, ids, preload, record: withoutRequest(ids, 'command_line') }), dataKeys)
    } finally {
      await database.close()
    }
  })
}

/** A master key is written by the first start, together with the environments. */
async function hasStarted(database: Database): Promise<boolean> {
  return (await database.query`select id from master_key limit 1`).length > 0
}

async function readClock(database: Database): Promise<DatabaseClock> {
  const clock = new DatabaseClock()
  const askedAt = performance.now()
  const [row] = await database.query<{ now: Date }>`select clock_timestamp() as now`
  if (row) clock.correct(row.now, askedAt, performance.now())
  return clock
}

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
