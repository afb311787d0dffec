import { resolve } from 'node:path'
import ipaddr from 'ipaddr.js'

/** What a process does. All state is in the database, so any number of processes may share any roles. */
export const PROCESS_ROLES = ['api', 'worker', 'updates', 'portal'] as const
export type ProcessRole = (typeof PROCESS_ROLES)[number]

export type Config = {
  /** null: the embedded server, its data in `dataDir`. */
  database: {
    url: string
    roleUrls: Partial<Record<'migrate' | 'api' | 'accept' | 'worker' | 'updates', string>>
  } | null
  dataDir: string
  roles: ReadonlySet<ProcessRole>
  host: string
  port: number
  /** The port was asked for: when it is taken, that is an error and no reason to take another. */
  portIsFixed: boolean
  adminHost: string
  adminPort: number
  adminPortIsFixed: boolean
  /** Where the service is reached, without a slash at the end; null: as it listens. */
  publicUrl: string | null
  masterKeyFile: string
  masterKeyIsOurs: boolean
  /** `address:port` pairs that endpoints may have although the address policy refuses them. */
  loopbackReceivers: readonly string[]
  refusedRanges: readonly string[]
  trustedProxies: readonly string[]
  logLevel: 'debug' | 'info' | 'warn' | 'error'
  /** All accounts together. */
  destinationLimits: {
    hostInFlightMax: number
    hostPerSecondMax: number
    addressInFlightMax: number
    addressPerSecondMax: number
  }
  /** Of one account, by API. */
  intakeLimits: { eventsPerSecond: number; pendingMax: number }
  workerInFlightMax: number
}

/** Everything that is wrong with the settings, one sentence each. */
export class ConfigError extends Error {
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('\n'))
    this.name = 'ConfigError'
    this.faults = faults
  }
}

type Setting<T> = {
  variable: string
  what: string
  /** Shown by `--print-config`; a secret's value never is. */
  secret?: boolean
  fallback: T
  parse: (text: string) => T
}

const OWN_PREFIX = 'PSAPI_SERVER_'
const DEVELOPMENT_RECEIVERS = ['127.0.0.1:3000']

const settings = {
  databaseUrl: databaseUrl('DATABASE_URL', 'PostgreSQL 15 to 18; without it an embedded one is started'),
  databaseUrlMigrate: databaseUrl('DATABASE_URL_MIGRATE', 'login for migrations'),
  databaseUrlApi: databaseUrl('DATABASE_URL_API', 'login of the API'),
  databaseUrlAccept: databaseUrl('DATABASE_URL_ACCEPT', 'login of the accept path'),
  databaseUrlWorker: databaseUrl('DATABASE_URL_WORKER', 'login of workers'),
  databaseUrlUpdates: databaseUrl('DATABASE_URL_UPDATES', 'login of population and runs'),
  roles: setting<readonly ProcessRole[]>(
    'ROLES',
    `what this process does, of ${PROCESS_ROLES.join(', ')}`,
    PROCESS_ROLES,
    parseRoles,
  ),
  publicUrl: setting<string | null>('PUBLIC_URL', 'where the service is reached, in links', null, parsePublicUrl),
  port: setting<number | null>('PORT', 'port of the API; 8080, or the next free one', null, parsePort),
  adminPort: setting<number | null>(
    'ADMIN_PORT',
    'port of probes and metrics; 8081, or the next free one',
    null,
    parsePort,
  ),
  masterKeyFile: setting<string | null>(
    'MASTER_KEY_FILE',
    'file with the master key (Base64 of 32 bytes)',
    null,
    parsePath,
  ),
  loopbackReceivers: setting<readonly string[] | null>(
    'LOOPBACK_RECEIVERS',
    'exact address:port pairs that endpoints may have although they are not public, separated by commas',
    null,
    (text) => list(text).map(parseAddressAndPort),
  ),
  dataDir: setting(`${OWN_PREFIX}DATA_DIR`, 'folder of the embedded database', '.data', parsePath),
  host: setting<string | null>(`${OWN_PREFIX}HOST`, 'address that the API listens on', null, parseAddress),
  adminHost: setting(`${OWN_PREFIX}ADMIN_HOST`, 'address of probes and metrics', '127.0.0.1', parseAddress),
  refusedRanges: setting<readonly string[]>(
    `${OWN_PREFIX}REFUSED_RANGES`,
    'further address ranges (CIDR) that endpoints may not have: own egress, load balancers, clusters',
    [],
    (text) => list(text).map(parseRange),
  ),
  trustedProxies: setting<readonly string[]>(
    `${OWN_PREFIX}TRUSTED_PROXIES`,
    'addresses or ranges of proxies whose x-forwarded-for is believed',
    [],
    (text) => list(text).map((part) => (part.includes('/') ? parseRange(part) : parseAddress(part))),
  ),
  logLevel: setting<Config['logLevel']>(`${OWN_PREFIX}LOG_LEVEL`, 'debug, info, warn or error', 'info', parseLogLevel),
  hostInFlightMax: limit('HOST_IN_FLIGHT_MAX', 'requests under way to one host, all accounts together', 100),
  hostPerSecondMax: limit('HOST_PER_SECOND_MAX', 'requests a second to one host, all accounts together', 1_000),
  addressInFlightMax: limit('ADDRESS_IN_FLIGHT_MAX', 'requests under way to one address', 400),
  addressPerSecondMax: limit('ADDRESS_PER_SECOND_MAX', 'requests a second to one address', 2_000),
  workerInFlightMax: limit('WORKER_IN_FLIGHT_MAX', 'attempts under way in this process', 1_000),
  accountEventsPerSecond: limit('ACCOUNT_EVENTS_PER_SECOND', 'events by API a second and account', 1_000),
  accountPendingMax: limit(
    'ACCOUNT_PENDING_MAX',
    'pending deliveries of an account, then events by API are refused',
    1_000_000,
  ),
} as const

type Settings = typeof settings
type Values = { [Name in keyof Settings]: Settings[Name]['fallback'] }

/**
 * Reads the settings of a process from its environment.
 * @throws ConfigError with all faults at once
 */
export function loadConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const { values, faults } = read(environment)
  if (environment.NODE_TLS_REJECT_UNAUTHORIZED === '0') {
    faults.push('NODE_TLS_REJECT_UNAUTHORIZED: certificates of receivers are always verified; unset it')
  }
  if (values.databaseUrl === null) {
    for (const { variable } of [
      settings.databaseUrlMigrate,
      settings.databaseUrlApi,
      settings.databaseUrlAccept,
      settings.databaseUrlWorker,
      settings.databaseUrlUpdates,
    ]) {
      if (environment[variable]) faults.push(`${variable}: needs DATABASE_URL too`)
    }
  } else if (values.masterKeyFile === null) {
    faults.push('MASTER_KEY_FILE: needed with DATABASE_URL; make one: (umask 077; openssl rand -base64 32 > FILE)')
  }
  if (faults.length > 0) throw new ConfigError(faults)
  const embedded = values.databaseUrl === null
  return {
    database: values.databaseUrl === null ? null : { url: values.databaseUrl, roleUrls: roleUrlsOf(values) },
    dataDir: resolve(values.dataDir),
    roles: new Set(values.roles),
    host: values.host ?? (embedded ? '127.0.0.1' : '0.0.0.0'),
    port: values.port ?? 8080,
    portIsFixed: values.port !== null || !embedded,
    adminHost: values.adminHost,
    adminPort: values.adminPort ?? 8081,
    adminPortIsFixed: values.adminPort !== null || !embedded,
    publicUrl: values.publicUrl,
    masterKeyFile: values.masterKeyFile ?? resolve(values.dataDir, 'master-key'),
    masterKeyIsOurs: values.masterKeyFile === null,
    loopbackReceivers: values.loopbackReceivers ?? (embedded ? DEVELOPMENT_RECEIVERS : []),
    refusedRanges: values.refusedRanges,
    trustedProxies: values.trustedProxies,
    logLevel: values.logLevel,
    destinationLimits: {
      hostInFlightMax: values.hostInFlightMax,
      hostPerSecondMax: values.hostPerSecondMax,
      addressInFlightMax: values.addressInFlightMax,
      addressPerSecondMax: values.addressPerSecondMax,
    },
    intakeLimits: { eventsPerSecond: values.accountEventsPerSecond, pendingMax: values.accountPendingMax },
    workerInFlightMax: values.workerInFlightMax,
  }
}

/** Every setting with its value and where it comes from, secrets left out: a line each. */
export function printConfig(environment: Readonly<Record<string, string | undefined>>): string {
  const { values } = read(environment)
  const lines = Object.entries(settings).map(([name, { variable, what, secret }]) => {
    const text = environment[variable]
    const origin = text ? 'environment' : 'default'
    const value = text && secret ? '(set, not shown)' : shown(values[name as keyof Settings])
    return `${variable}=${value}  # ${origin}: ${what}`
  })
  return `${lines.join('\n')}\n`
}

function read(environment: Readonly<Record<string, string | undefined>>): { values: Values; faults: string[] } {
  const faults: string[] = []
  const entries = Object.entries(settings).map(([name, setting]) => {
    const text = environment[setting.variable]
    if (text === undefined || text.trim() === '') return [name, setting.fallback]
    try {
      return [name, setting.parse(text.trim())]
    } catch (error) {
      faults.push(`${setting.variable}: ${error instanceof Error ? error.message : 'cannot be read'}`)
      return [name, setting.fallback]
    }
  })
  const known: string[] = Object.values(settings).map(({ variable }) => variable)
  for (const variable of Object.keys(environment)) {
    if (!variable.startsWith(OWN_PREFIX) || known.includes(variable)) continue
    faults.push(`${variable}: no such setting; the nearest is ${nearest(variable, known)}`)
  }
  return { values: Object.fromEntries(entries) as Values, faults }
}

function setting<T>(variable: string, what: string, fallback: T, parse: (text: string) => T): Setting<T> {
  return { variable, what, fallback, parse }
}

function databaseUrl(variable: string, what: string): Setting<string | null> {
  return { variable, what, secret: true, fallback: null, parse: parseDatabaseUrl }
}

function limit(name: string, what: string, fallback: number): Setting<number> {
  return setting(`${OWN_PREFIX}${name}`, what, fallback, (text) => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < 1 || value > 1e9)
      throw new Error('must be a whole number from 1 to 1000000000')
    return value
  })
}

/** Where the service is reached, without a slash at the end: as configured, or where it listens. */
export function publicUrlOf({ publicUrl, host, port }: Pick<Config, 'publicUrl' | 'host' | 'port'>): string {
  return publicUrl ?? `http://${urlHost(host)}:${port}`
}

/** An address to listen on as it stands in a URL. */
export function urlHost(address: string): string {
  if (address === '0.0.0.0' || address === '::') return '127.0.0.1'
  return address.includes(':') ? `[${address}]` : address
}

function roleUrlsOf(values: Values) {
  const urls = {
    migrate: values.databaseUrlMigrate,
    api: values.databaseUrlApi,
    accept: values.databaseUrlAccept,
    worker: values.databaseUrlWorker,
    updates: values.databaseUrlUpdates,
  }
  return Object.fromEntries(Object.entries(urls).filter(([, url]) => url !== null))
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

function parseDatabaseUrl(text: string): string {
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) throw new Error('must be a postgresql:// URL')
  return text
}

function parseRoles(text: string): ProcessRole[] {
  return list(text).map((part) => {
    const role = PROCESS_ROLES.find((known) => known === part)
    if (!role) throw new Error(`there is no role "${part}"; choose of ${PROCESS_ROLES.join(', ')}`)
    return role
  })
}

function parsePublicUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username) {
    throw new Error('must be an http or https URL without user, query or fragment')
  }
  return url.href.replace(/\/+$/, '')
}

function parsePort(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error('must be a port from 0 to 65535')
  return port
}

function parsePath(text: string): string {
  if (text.includes('\0')) throw new Error('must be a path')
  return text
}

function parseAddress(text: string): string {
  if (!ipaddr.isValid(text)) throw new Error(`"${text}" is not an IP address`)
  return text
}

function parseAddressAndPort(text: string): string {
  const [, v6, v4, port] = /^(?:\[([0-9a-f:]+)\]|([\d.]+)):(\d+)$/i.exec(text) ?? []
  const address = v6 ?? v4
  if (!address || !ipaddr.isValid(address) || !(Number(port) >= 1 && Number(port) <= 65_535)) {
    throw new Error(`"${text}" is not address:port, such as 127.0.0.1:3000 or [::1]:3000`)
  }
  return text
}

function parseRange(text: string): string {
  if (!ipaddr.isValidCIDR(text)) throw new Error(`"${text}" is not a range such as 203.0.113.0/24`)
  return text
}

function parseLogLevel(text: string): Config['logLevel'] {
  if (text === 'debug' || text === 'info' || text === 'warn' || text === 'error') return text
  throw new Error('must be debug, info, warn or error')
}

function shown(value: Values[keyof Settings]): string {
  if (value === null) return ''
  return Array.isArray(value) ? value.join(',') : String(value)
}

function nearest(text: string, words: readonly string[]): string {
  return words.reduce((best, word) => (distance(text, word) < distance(text, best) ? word : best), words[0] ?? '')
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substituted))
    }
    row = next
  }
  return row[b.length] ?? 0
}
