import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, parse as parsePath } from 'node:path'
import envPaths from 'env-paths'
import { parse, stringify, type TomlTable } from 'smol-toml'
import { EXIT, Failure, usageFailure } from './failure.ts'

/** One way to sign in, under its name in the file of the user. */
export type Profile = {
  url?: string
  account?: string
  environment?: string
  token?: string
  client_id?: string
  client_secret?: string
}

/** The user's file: profiles with credentials, and a random name of this device; readable by the user alone. */
export type UserConfig = { profile?: string; device?: string; profiles: Record<string, Profile> }

const PROFILE_FIELDS = ['url', 'account', 'environment', 'token', 'client_id', 'client_secret'] as const
const PROJECT_FILE = '.psapi.toml'
const PROJECT_FIELDS = ['profile', 'account', 'forward_to', 'events'] as const

/**
 * What a project's file may say. No credentials, as it is committed; and no address, as whoever wrote it would be sent the user's.
 */
export type ProjectConfig = { path: string; profile?: string; account?: string; forward_to?: string; events?: string }

export function userConfigPath(env: NodeJS.ProcessEnv): string {
  const folder = env.XDG_CONFIG_HOME ? join(env.XDG_CONFIG_HOME, 'psapi') : envPaths('psapi', { suffix: '' }).config
  return join(folder, 'config.toml')
}

/** @throws Failure usage: others may read it, or it is not what it should be */
export function readUserConfig(path: string): UserConfig {
  if (!existsSync(path)) return { profiles: {} }
  if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0) {
    throw usageFailure(`${path} can be read by others.`, `chmod 600 ${path}`)
  }
  const { profile, device, profiles = {} } = readToml(path)
  const config: UserConfig = {
    profile: textOf(path, 'profile', profile),
    device: textOf(path, 'device', device),
    profiles: {},
  }
  if (!isTable(profiles)) throw usageFailure(`${path}: profiles must be tables.`)
  for (const [name, table] of Object.entries(profiles)) {
    if (!isTable(table)) throw usageFailure(`${path}: profiles.${name} must be a table.`)
    config.profiles[name] = Object.fromEntries(
      PROFILE_FIELDS.map((field) => [field, textOf(path, `profiles.${name}.${field}`, table[field])]),
    )
  }
  return config
}

/** Written beside and renamed: a reader sees the old file or the new one. */
export function writeUserConfig(path: string, config: UserConfig): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const profiles = Object.fromEntries(
    Object.entries(config.profiles).map(([name, profile]) => [name, present(profile)]),
  )
  const beside = `${path}.${process.pid}`
  writeFileSync(
    beside,
    `${stringify({ ...present({ profile: config.profile, device: config.device }), profiles })}\n`,
    { mode: 0o600 },
  )
  chmodSync(beside, 0o600)
  renameSync(beside, path)
}

/** The nearest `.psapi.toml`, here or in a folder above. @throws Failure usage */
export function readProjectConfig(cwd: string): ProjectConfig | undefined {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const path = join(folder, PROJECT_FILE)
    if (existsSync(path)) return parseProject(path)
    if (folder === parsePath(folder).root) return undefined
  }
}

function parseProject(path: string): ProjectConfig {
  const table = readToml(path)
  for (const name of Object.keys(table)) {
    if (/token|secret|client/i.test(name)) {
      throw usageFailure(`${path} holds a credential, ${name}.`, 'Take it out and sign in with psapi login.')
    }
    if (!PROJECT_FIELDS.some((field) => field === name)) throw usageFailure(`${path}: ${name} is not a setting.`)
  }
  return { path, ...Object.fromEntries(PROJECT_FIELDS.map((name) => [name, textOf(path, name, table[name])])) }
}

function readToml(path: string): TomlTable {
  try {
    return parse(readFileSync(path, 'utf8'))
  } catch {
    throw new Failure(`${path} cannot be read as TOML.`, { exit: EXIT.usage, code: 'bad_configuration' })
  }
}

function textOf(path: string, name: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  throw usageFailure(`${path}: ${name} must be text.`)
}

function isTable(value: unknown): value is TomlTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function present(record: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}
