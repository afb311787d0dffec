import type { Command } from 'commander'
import { Api } from '../api.ts'
import { type Profile, readUserConfig, userConfigPath, writeUserConfig } from '../config-file.ts'
import { Failure, usageFailure } from '../failure.ts'
import { examples } from '../frame.ts'
import { readSecret } from '../secret-reference.ts'
import { openSession, printObject } from '../session.ts'
import { type GlobalFlags, readSettings, type Setting, type SettingName, type Settings, shown } from '../settings.ts'
import { note, printJson, printTable, type Terminal } from '../terminal.ts'
import { signInByCode } from './sign-in-by-code.ts'

const WHOAMI = '/api/v1/auth/whoami'
const settable = ['url', 'account', 'profile'] as const

type LoginFlags = { token?: string; clientId?: string; clientSecret?: string; code?: true }

export function addLogin(program: Command, terminal: Terminal): void {
  program
    .command('login')
    .description(
      'sign in by a code that somebody approves in the portal, or with credentials; kept where only you can read',
    )
    .option('--code', 'by code, also where there is no terminal')
    .option('--token <reference>', 'an access token: env:NAME, file:PATH or - for stdin')
    .option('--client-id <id>', 'of an OAuth2 client')
    .option('--client-secret <reference>', 'env:NAME, file:PATH or - for stdin')
    .addHelpText(
      'after',
      examples(
        'login --url https://psapi.example',
        'login --profile staging --url https://psapi.example --account app_2Zx --token env:TOKEN',
      ),
    )
    .action(async (flags: LoginFlags, command: Command) => {
      const globals: GlobalFlags = command.optsWithGlobals()
      const { profile, file, values } = readSettings(terminal, globals)
      const named: Settings = { profile, file, values: { url: values.url } }
      const { account, ...credentials } = await readCredentials(
        terminal,
        flags,
        values,
        new Api(terminal, named, globals),
      )
      const settings: Settings = { profile, file, values: { url: values.url, ...withOrigin(credentials) } }
      settings.values.account = account
        ? { value: account, origin: 'login' }
        : (values.account ?? (await accountOf(new Api(terminal, settings, globals))))
      const api = new Api(terminal, settings, globals)
      const environment = await api.environment()
      await api.object('GET', api.underAccount())
      const config = readUserConfig(file)
      config.profiles[profile.value] = { url: api.url, account: api.account, environment, ...credentials }
      writeUserConfig(file, { ...config, profile: config.profile ?? profile.value })
      note(terminal, `signed in: ${environment.toUpperCase()} ${api.account}, profile ${profile.value} in ${file}`)
    })

  program
    .command('whoami')
    .description('account, environment and kind of the credentials, and where they come from')
    .addHelpText('after', examples('whoami', 'whoami --profile staging --json'))
    .action(async (_flags: object, command: Command) => {
      const session = openSession(terminal, command)
      const { profile, values } = session.settings
      const { appId, permissionSource } = await session.api.object('GET', WHOAMI)
      const from = (values.token ?? values.client_id)?.origin
      const environment = await session.api.environment()
      printObject(session, { account: appId, environment, permissionSource, profile: profile.value, from })
    })

  program
    .command('logout')
    .description("forget a profile's credentials; a token from a sign-in by code ends, others stay valid")
    .addHelpText('after', examples('logout', 'logout --profile staging'))
    .action(async (_flags: object, command: Command) => {
      const globals: GlobalFlags = command.optsWithGlobals()
      const settings = readSettings(terminal, globals)
      const { profile, file } = settings
      const config = readUserConfig(file)
      const stored = config.profiles[profile.value]
      if (stored) {
        if (stored.token?.startsWith(APP_TOKEN)) await endToken(new Api(terminal, withToken(settings, stored), globals))
        config.profiles[profile.value] = { url: stored.url, account: stored.account }
        writeUserConfig(file, config)
      }
      note(terminal, `profile ${profile.value}: signed out`)
    })

  const config = program.command('config').description('settings, and where each comes from')

  config
    .command('show')
    .description('every setting with its origin; secrets by their last four characters')
    .addHelpText('after', examples('config show', 'config show --json'))
    .action((_flags: object, command: Command) => {
      const flags: GlobalFlags = command.optsWithGlobals()
      const { profile, values } = readSettings(terminal, flags)
      const rows = [['profile', profile.value, profile.origin]]
      for (const [name, setting] of Object.entries(values)) {
        rows.push([name, shown(name as SettingName, setting.value), setting.origin])
      }
      if (!flags.json) return printTable(terminal, ['setting', 'value', 'from'], rows)
      printJson(terminal, Object.fromEntries(rows.map(([name, value, origin]) => [name, { value, origin }])))
    })

  config
    .command('set <name> <value>')
    .description(`${settable.join(', ')}: of the current profile, or which one is current`)
    .addHelpText('after', examples('config set account app_2Zx', 'config set profile staging'))
    .action((name: string, value: string, _flags: object, command: Command) => {
      const known = settable.find((one) => one === name)
      if (!known)
        throw usageFailure(`${name} cannot be set.`, `One of ${settable.join(', ')}; credentials: psapi login.`)
      const { profile, file } = readSettings(terminal, command.optsWithGlobals())
      const stored = readUserConfig(file)
      if (known === 'profile') stored.profile = value
      else stored.profiles[profile.value] = { ...stored.profiles[profile.value], [known]: value }
      writeUserConfig(file, stored)
      note(terminal, `${name} is ${value}`)
    })

  config
    .command('path')
    .description('the file of the profiles')
    .addHelpText('after', examples('config path', 'config path | xargs ls -l'))
    .action(() => {
      terminal.stdout.write(`${userConfigPath(terminal.env)}\n`)
    })
}

type Credentials = Pick<Profile, 'token' | 'client_id' | 'client_secret'>

/** What a sign-in by code gives; `expire-all` and `logout` end it. */
const APP_TOKEN = 'appsk_'

/** Ends the token on the other side too; where that does not work it ends by itself. */
async function endToken(api: Api): Promise<void> {
  try {
    await api.call('POST', '/api/v1/auth/logout')
  } catch (error) {
    if (!(error instanceof Failure)) throw error
  }
}

function withToken({ profile, file, values }: Settings, { url, token }: Profile): Settings {
  const stored = Object.entries({ url: values.url?.value ?? url, token })
  return { profile, file, values: Object.fromEntries(stored.map(([name, value]) => [name, { value, origin: file }])) }
}

/** From flags, else from the environment, else by code. @returns the account too, where a person has chosen it */
async function readCredentials(
  terminal: Terminal,
  flags: LoginFlags,
  values: Settings['values'],
  api: Api,
): Promise<Credentials & { account?: string }> {
  if (flags.code) return await byCode(terminal, api)
  if (flags.token !== undefined) return { token: await readSecret(terminal, '--token', flags.token) }
  const clientId = flags.clientId ?? values.client_id?.value
  if (flags.clientSecret !== undefined && clientId !== undefined) {
    const secret = await readSecret(terminal, '--client-secret', flags.clientSecret)
    return { client_id: clientId, client_secret: secret }
  }
  if (values.token) return { token: values.token.value }
  if (clientId !== undefined && values.client_secret) {
    return { client_id: clientId, client_secret: values.client_secret.value }
  }
  if (terminal.stdin.isTTY && terminal.stderr.isTTY) return await byCode(terminal, api)
  throw usageFailure(
    'No credentials are named.',
    '--code, --client-id ID --client-secret REFERENCE, or --token REFERENCE.',
  )
}

async function byCode(terminal: Terminal, api: Api): Promise<Credentials & { account: string }> {
  const { token, account } = await signInByCode(terminal, api)
  return { token, account }
}

/** The account that the credentials are bound to. @throws Failure usage for those of a whole environment */
async function accountOf(api: Api): Promise<Setting> {
  const { appId } = await api.object('GET', WHOAMI)
  if (typeof appId === 'string') return { value: appId, origin: 'login' }
  throw usageFailure('These credentials are for many accounts.', 'Say which with --account.')
}

function withOrigin(credentials: Credentials): Settings['values'] {
  return Object.fromEntries(Object.entries(credentials).map(([name, value]) => [name, { value, origin: 'login' }]))
}
