import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { isJson } from '../api.ts'
import { usageFailure } from '../failure.ts'
import { administering, examples, overseeing } from '../frame.ts'
import { type Column, type ListFlags, printList, printObject, withListFlags } from '../session.ts'
import { note, type Terminal } from '../terminal.ts'
import { addAdminRuns } from './admin-runs.ts'

const ENV = '/api/v1/env'
const ROLES = ['viewer', 'developer', 'admin']
const LINK_COLUMNS: readonly Column[] = [
  ['id', 'id'],
  ['account', ({ account }) => (isJson(account) ? account.id : null)],
  ['person', 'person'],
  ['role', 'role'],
  ['state', 'state'],
  ['expires', 'expiresAt'],
]

type KeyFlags = { name: string; kind: string; role?: string; scopes?: string; days?: string }

/** The operator's part: with a key of the environment, or as staff. */
export function addAdmin(program: Command, terminal: Terminal): void {
  const admin = program.command('admin').description("the operator's part: with a key of the environment, or as staff")
  addAccounts(admin, terminal)
  addLinks(admin, terminal)
  addKeys(admin, terminal)
  addAdminRuns(admin, terminal)

  admin
    .command('health')
    .description('how the service is: workers, what waits, jobs, database')
    .addHelpText('after', examples('admin health', 'admin health --json'))
    .action(
      overseeing(terminal, async (session) => printObject(session, await session.api.object('GET', `${ENV}/health`))),
    )

  admin
    .command('types <file>')
    .description('event types from the webhooks of an OpenAPI document, JSON or YAML')
    .option('--dry-run', 'say what would change')
    .addHelpText('after', examples('admin types openapi.json --dry-run', 'admin types openapi.yaml --yes'))
    .action(
      administering(
        terminal,
        (file: string, { dryRun }: { dryRun?: true }) => (dryRun ? undefined : `Import the event types of ${file}`),
        async (session, file, { dryRun }) => {
          const body = { specRaw: readText(file), dryRun }
          printObject(session, await session.api.object('POST', '/api/v1/event-type/import/openapi', { body }))
        },
      ),
    )
}

function addAccounts(admin: Command, terminal: Terminal): void {
  const accounts = admin.command('accounts').description('the accounts of the environment')
  withListFlags(accounts.command('list').description('all accounts, and how they are'))
    .option('--search <text>', 'in ids, uids and names')
    .addHelpText('after', examples('admin accounts list', 'admin accounts list --search contoso --json'))
    .action(
      overseeing(
        terminal,
        async (session, flags: ListFlags & { search?: string }) =>
          await printList(session, `${ENV}/account`, { q: flags.search }, flags, [
            ['id', 'id'],
            ['uid', 'uid'],
            ['name', 'name'],
            ['health', 'health'],
            ['producers', 'producers'],
          ]),
      ),
    )
  accounts
    .command('create <name>')
    .description('make an account')
    .option('--uid <uid>', 'a name of your own for it')
    .addHelpText(
      'after',
      examples('admin accounts create "Contoso Insurance"', 'admin accounts create Contoso --uid contoso'),
    )
    .action(
      administering(
        terminal,
        (name: string, _flags: { uid?: string }) => `Make the account ${name}`,
        async (session, name, { uid }) =>
          printObject(session, await session.api.object('POST', '/api/v1/app', { body: { name, uid } })),
      ),
    )
}

function addLinks(admin: Command, terminal: Terminal): void {
  const links = admin.command('links').description('login links into the portal')
  withListFlags(links.command('list').description('all links, newest first, without their keys'))
    .option('--of <account>', 'id or uid')
    .addHelpText('after', examples('admin links list', 'admin links list --of contoso --json'))
    .action(
      overseeing(
        terminal,
        async (session, flags: ListFlags & { of?: string }) =>
          await printList(session, `${ENV}/login-link`, { account: flags.of }, flags, LINK_COLUMNS),
      ),
    )
  links
    .command('create <person>')
    .description('let somebody into the portal of an account; the link works once and is shown this once')
    .requiredOption('--of <account>', 'id or uid')
    .addOption(new Option('--role <role>', 'in the account').choices(ROLES).makeOptionMandatory())
    .option('--hours <hours>', 'how long the link can be used (168)')
    .addHelpText(
      'after',
      examples(
        'admin links create ada@example.com --of contoso --role admin',
        'admin links create ada@example.com --of contoso --role viewer --hours 1 --json',
      ),
    )
    .action(
      administering(
        terminal,
        (person: string, { of }: { of: string; role: string; hours?: string }) => `Let ${person} into ${of}`,
        async (session, person, { of: account, role, hours }) => {
          const body = { account, person, role, hours: hours === undefined ? undefined : Number(hours) }
          printObject(session, await session.api.object('POST', `${ENV}/login-link`, { body }))
        },
      ),
    )
  links
    .command('revoke <link>')
    .description('end a link, and the session made from it')
    .addHelpText('after', examples('admin links revoke link_2Zx', 'admin links revoke link_2Zx --yes'))
    .action(
      administering(
        terminal,
        (id: string) => `Revoke ${id}`,
        async ({ api }, id) => {
          await api.call('DELETE', `${ENV}/login-link/${encodeURIComponent(id)}`)
          note(terminal, 'revoked')
        },
      ),
    )
}

/** API keys and OAuth clients of the account that is set. Keys of an environment are made on the server alone. */
function addKeys(admin: Command, terminal: Terminal): void {
  const keys = admin.command('keys').alias('clients').description('API keys and OAuth clients of an account')
  withListFlags(keys.command('list').description('all of them, without their secrets'))
    .addHelpText('after', examples('admin keys list --account contoso', 'admin keys list --account contoso --json'))
    .action(
      overseeing(
        terminal,
        async (session, flags: ListFlags) =>
          await printList(session, session.api.underAccount('/key'), {}, flags, [
            ['id', 'id'],
            ['kind', 'kind'],
            ['name', 'name'],
            ['role', 'role'],
            ['last used', 'lastUsedAt'],
            ['revoked', 'revokedAt'],
          ]),
      ),
    )
  keys
    .command('create <name>')
    .description('make one; its secret is shown this once')
    .addOption(new Option('--kind <kind>', 'what it is').choices(['apiKey', 'client']).default('apiKey'))
    .addOption(new Option('--role <role>', 'of an API key').choices(ROLES))
    .option('--scopes <scopes>', 'of an OAuth client, comma-separated: producersync.read, producersync.write, webhooks')
    .option('--days <days>', 'how long an API key is good for')
    .addHelpText(
      'after',
      examples(
        'admin keys create ci --account contoso --role developer',
        'admin keys create crm --account contoso --kind client',
      ),
    )
    .action(
      administering(
        terminal,
        (name: string, _flags: Omit<KeyFlags, 'name'>) => `Make the key ${name}`,
        async (session, name, { kind, role, scopes, days }) => {
          const expiresInDays = days === undefined ? undefined : Number(days)
          const body = { kind, name, role, scopes: scopes?.split(',').map((scope) => scope.trim()), expiresInDays }
          printObject(session, await session.api.object('POST', session.api.underAccount('/key'), { body }))
        },
      ),
    )
  for (const [word, effect] of [
    ['rotate', 'a second secret of an OAuth client, shown this once; both are valid until one is revoked'],
    ['revoke', 'end one with its tokens'],
  ] as const) {
    keys
      .command(`${word} <key>`)
      .description(effect)
      .addHelpText(
        'after',
        examples(`admin keys ${word} key_2Zx --account contoso`, `admin keys ${word} key_2Zx --yes`),
      )
      .action(
        administering(
          terminal,
          (id: string) => `${word === 'rotate' ? 'Rotate' : 'Revoke'} ${id}`,
          async (session, id) => {
            const target = session.api.underAccount(`/key/${encodeURIComponent(id)}`)
            if (word === 'rotate') printObject(session, await session.api.object('POST', `${target}/rotate`))
            else await session.api.call('DELETE', target)
          },
        ),
      )
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw usageFailure(`${path} cannot be read.`)
  }
}
