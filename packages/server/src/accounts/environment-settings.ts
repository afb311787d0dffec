import { type DomainError, invalidInput } from '#src/domain-error.ts'
import type { Environment } from './principal.ts'

/** What an operator may set per environment; in force everywhere within 5 s. Source: webhook-api 15. */
export type EnvironmentSettings = {
  /** Creating an endpoint, or changing its URL, sends one signed `webhook.ping`. */
  testRequestOnSave: boolean
  httpsOnly: boolean
  /** Per account. */
  endpointsMax: number
  messageRetentionDays: number
  messageBytesMax: number
  disableFailingEndpoints: boolean
  disableAfterDays: number
  /** Waits in seconds after each failed attempt. */
  retrySchedule: readonly number[]
  timeoutMs: number
  maxConcurrency: number
  /** Refuse a payload that does not match its type's schema. */
  enforceSchemas: boolean
}

export type SettingName = keyof EnvironmentSettings

type Rule<T> = {
  byDefault: T
  /** From stored JSON; undefined when it is no allowed value. */
  check(value: unknown): T | undefined
  /** From text on a command line. */
  read(text: string): unknown
  allowed: string
}

const WAITS_MAX = 24
const WAIT_SECONDS_MAX = 86_400
const SCHEDULE_SECONDS_MAX = 691_200

const rules: { [Name in SettingName]: Rule<EnvironmentSettings[Name]> } = {
  testRequestOnSave: flag(true),
  httpsOnly: flag(true),
  endpointsMax: integer(100, 1, 10_000),
  messageRetentionDays: integer(90, 30, 365),
  messageBytesMax: integer(262_144, 1_024, 1_048_576),
  disableFailingEndpoints: flag(true),
  disableAfterDays: integer(5, 1, 30),
  retrySchedule: waits([5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]),
  timeoutMs: integer(5_000, 1_000, 30_000),
  maxConcurrency: integer(20, 1, 256),
  enforceSchemas: flag(false),
}

/** Names of all settings, in the order of the documentation. */
export const settingNames = Object.keys(rules).filter(isSettingName)

/** @param stored  the environment row's `settings`: only what differs from the defaults */
export function toSettings(stored: Record<string, unknown>): EnvironmentSettings {
  return {
    testRequestOnSave: settingOf('testRequestOnSave', stored),
    httpsOnly: settingOf('httpsOnly', stored),
    endpointsMax: settingOf('endpointsMax', stored),
    messageRetentionDays: settingOf('messageRetentionDays', stored),
    messageBytesMax: settingOf('messageBytesMax', stored),
    disableFailingEndpoints: settingOf('disableFailingEndpoints', stored),
    disableAfterDays: settingOf('disableAfterDays', stored),
    retrySchedule: settingOf('retrySchedule', stored),
    timeoutMs: settingOf('timeoutMs', stored),
    maxConcurrency: settingOf('maxConcurrency', stored),
    enforceSchemas: settingOf('enforceSchemas', stored),
  }
}

function settingOf<Name extends SettingName>(name: Name, stored: Record<string, unknown>): EnvironmentSettings[Name] {
  const rule: Rule<EnvironmentSettings[Name]> = rules[name]
  return rule.check(stored[name]) ?? rule.byDefault
}

/** One change: a checked value, or null for the default again. */
export type SettingChange = { name: SettingName; value: unknown }

/**
 * Reads `name=value` as an operator types it; `name=default` goes back to the default. A retry schedule is a list of
 * seconds (`5,300,1800`), or `none` for one attempt only.
 * @throws DomainError invalid_input, naming the setting and what it may be
 */
export function parseChange(text: string, environment: Environment): SettingChange {
  const at = text.indexOf('=')
  const name = at < 0 ? text : text.slice(0, at)
  if (!isSettingName(name)) throw refused(name, `is not a setting; there are ${settingNames.join(', ')}`)
  if (at < 0) throw refused(name, `needs a value, as ${name}=…; the default is ${shown(rules[name].byDefault)}`)
  const given = text.slice(at + 1).trim()
  if (given === 'default') return { name, value: null }
  const rule = rules[name]
  const value = rule.check(rule.read(given))
  if (value === undefined) throw refused(name, `must be ${rule.allowed}`)
  if (name === 'httpsOnly' && value === false && environment === 'production') {
    throw refused(name, 'may be false in the sandbox only')
  }
  return { name, value }
}

/** A value as `parseChange` reads it. */
export function shown(value: unknown): string {
  if (!Array.isArray(value)) return String(value)
  return value.length === 0 ? 'none' : value.join(',')
}

function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(rules, name)
}

function refused(name: string, msg: string): DomainError {
  return invalidInput({ loc: ['settings', name], msg, type: 'value_error' })
}

function flag(byDefault: boolean): Rule<boolean> {
  return {
    byDefault,
    check: (value) => (typeof value === 'boolean' ? value : undefined),
    read: (text) => ({ true: true, false: false })[text],
    allowed: 'true or false',
  }
}

function integer(byDefault: number, min: number, max: number): Rule<number> {
  return {
    byDefault,
    check: (value) => (isIntegerWithin(value, min, max) ? value : undefined),
    read: readInteger,
    allowed: `an integer from ${min} to ${max}`,
  }
}

function waits(byDefault: readonly number[]): Rule<readonly number[]> {
  return {
    byDefault,
    check: (value) => (isSchedule(value) ? value : undefined),
    read: (text) => (text === 'none' ? [] : text.split(',').map((item) => readInteger(item.trim()))),
    allowed: `none, or up to ${WAITS_MAX} waits of 1 to ${WAIT_SECONDS_MAX} seconds, in all at most ${SCHEDULE_SECONDS_MAX}`,
  }
}

/** Waits in seconds as an endpoint or an environment may have them. Source: webhook-api 9.2. */
export function isSchedule(value: unknown): value is number[] {
  return (
    Array.isArray(value) &&
    value.length <= WAITS_MAX &&
    value.every((wait) => isIntegerWithin(wait, 1, WAIT_SECONDS_MAX)) &&
    value.reduce((sum, wait) => sum + wait, 0) <= SCHEDULE_SECONDS_MAX
  )
}

function isIntegerWithin(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
}

function readInteger(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined
}
