import { type Profile, type ProjectConfig, readProjectConfig, readUserConfig, userConfigPath } from './config-file.ts'
import type { Terminal } from './terminal.ts'

const names = ['url', 'account', 'environment', 'token', 'client_id', 'client_secret'] as const
export type SettingName = (typeof names)[number]
export type Setting = { value: string; origin: string }

/** Where to, as whom: each value with where it comes from. */
export type Settings = {
  profile: Setting
  file: string
  /** The project's file, where there is one. */
  project?: ProjectConfig | undefined
  values: { [Name in SettingName]?: Setting }
}

/** Flags of every command. */
export type GlobalFlags = {
  json?: true
  yes?: true
  utc?: true
  verbose?: true
  curl?: true
  retries?: string
  reason?: string
  color?: 'auto' | 'always' | 'never'
  profile?: string
  url?: string
  account?: string
  timeout?: string
}

const variables: { [Name in SettingName]?: string } = {
  url: 'PSAPI_URL',
  account: 'PSAPI_ACCOUNT',
  token: 'PSAPI_TOKEN',
  client_id: 'PSAPI_CLIENT_ID',
  client_secret: 'PSAPI_CLIENT_SECRET',
}
const secrets: ReadonlySet<SettingName> = new Set(['token', 'client_secret'])

/**
 * Flags, then the environment, the project's file, the user's file. Credentials go together: where one source names a token or a
 * client, those of the sources after it are out.
 * @throws Failure usage: a file that is not as it should be
 */
export function readSettings({ env, cwd }: Terminal, flags: GlobalFlags): Settings {
  const file = userConfigPath(env)
  const user = readUserConfig(file)
  const project = readProjectConfig(cwd)
  const profile: Setting = firstOf(
    [flags.profile, '--profile'],
    [env.PSAPI_PROFILE, 'PSAPI_PROFILE'],
    [project?.profile, project?.path ?? ''],
    [user.profile, file],
  ) ?? { value: 'default', origin: 'default' }
  const stored: Profile = user.profiles[profile.value] ?? {}

  const values: Settings['values'] = {}
  const ownCredentials = ['token', 'client_id', 'client_secret'].some((name) => env[`PSAPI_${name.toUpperCase()}`])
  for (const name of names) {
    const isCredential = secrets.has(name) || name === 'client_id'
    const fromEnv = variables[name] === undefined ? undefined : env[variables[name]]
    const setting = firstOf(
      [name === 'url' || name === 'account' ? flags[name] : undefined, `--${name}`],
      [fromEnv, variables[name] ?? ''],
      [name === 'account' ? project?.account : undefined, project?.path ?? ''],
      [
        (isCredential || name === 'environment') && ownCredentials ? undefined : stored[name],
        `${file} [${profile.value}]`,
      ],
    )
    if (setting) values[name] = setting
  }
  return { profile, file, project, values }
}

/** A setting for people: of a secret its kind and last four characters. */
export function shown(name: SettingName, value: string): string {
  if (!secrets.has(name)) return value
  const [prefix = ''] = /^[a-z]+_/.exec(value) ?? []
  return `${prefix}…${value.length > 12 ? value.slice(-4) : ''}`
}

function firstOf(...candidates: [string | undefined, string][]): Setting | undefined {
  for (const [value, origin] of candidates) if (value !== undefined && value !== '') return { value, origin }
  return undefined
}
