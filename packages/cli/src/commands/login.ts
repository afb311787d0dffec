import type { Command } from 'commander'
import { Api, WHOAMI } from '../api.ts'
import { type Profile, readUserConfig, userConfigPath, writeUserConfig } from '../config-file.ts'
import { Failure, usageFailure } from '../failure.ts'
import { anywhere, examples } from '../frame.ts'
import { printObject } from '../session.ts'
import { type GlobalFlags, readSettings, type SettingName, type Settings, shown } from '../settings.ts'
import { note, printJson, printTable, type Terminal } from '../terminal.ts'
import { type LoginFlags, signIn } from './sign-in.ts'

const settable = ['url', 'account', 'profile'] as const

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
      await signIn(terminal, flags, command.optsWithGlobals())
    })

  program
    .command('whoami')
    .description('account, environment, role and expiry of the credentials, and the file in use')
    .addHelpText('after', examples('whoami', 'whoami --profile staging --json'))
    .action(
      anywhere(terminal, async (session) => {
        const { profile, values, file } = session.settings
        const { appId, permissionSource, person, role, expiresAt } = await session.api.object('GET', WHOAMI)
        const from = (values.token ?? values.client_id)?.origin ?? null
        const environment = await session.api.environment()
        printObject(session, {
          ...{
            account: appId ?? values.account?.value ?? null,
            environment,
            permissionSource,
            person,
            role,
            expiresAt,
          },
          ...{ profile: profile.value, from, file },
        })
      }),
    )

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
      const { profile, project, values } = readSettings(terminal, flags)
      const rows = [['profile', profile.value, profile.origin]]
      for (const [name, setting] of Object.entries(values)) {
        rows.push([name, shown(name as SettingName, setting.value), setting.origin])
      }
      for (const name of ['forward_to', 'events'] as const) {
        if (project?.[name] !== undefined) rows.push([name, project[name], project.path])
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
