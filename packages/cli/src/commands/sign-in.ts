import { Api, WHOAMI } from '../api.ts'
import { type Profile, readUserConfig, writeUserConfig } from '../config-file.ts'
import { usageFailure } from '../failure.ts'
import { readSecret } from '../secret-reference.ts'
import { type GlobalFlags, readSettings, type Setting, type Settings } from '../settings.ts'
import { note, type Terminal } from '../terminal.ts'
import { signInByCode } from './sign-in-by-code.ts'

export type LoginFlags = { token?: string; clientId?: string; clientSecret?: string; code?: true }

/**
 * Signs in and keeps what was used, checked, in the profile.
 * @throws Failure usage: there is nothing to sign in with, and nobody to ask; not_signed_in
 */
export async function signIn(terminal: Terminal, flags: LoginFlags, globals: GlobalFlags): Promise<void> {
  const { profile, file, values } = readSettings(terminal, globals)
  const named: Settings = { profile, file, values: { url: values.url } }
  const { account, ...credentials } = await readCredentials(terminal, flags, values, new Api(terminal, named, globals))
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
}

type Credentials = Pick<Profile, 'token' | 'client_id' | 'client_secret'>

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
