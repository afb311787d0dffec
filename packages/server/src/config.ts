import { resolve } from 'node:path'
import type { LocalDate } from '#src/updates/local-date.ts'
import { parseRenewalRules, type RenewalRules } from '#src/updates/renewal-rules.ts'
import {
  type FeedName,
  list,
  nearest,
  parseAddress,
  parseAddressAndPort,
  parseDatabaseUrl,
  parseDay,
  parseFeed,
  parseMailAddress,
  parseOrigin,
  parsePath,
  parsePort,
  parsePublicUrl,
  parseRange,
  parseServiceUrl,
  parseSmtpUrl,
  parseTimeOfDay,
  parseWord,
} from './setting-values.ts'

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
  /** Where mail is handed in, and in whose name; null: the service sends none. */
  mail: { url: string; from: string } | null
  masterKeyFile: string
  masterKeyIsOurs: boolean
  /** `address:port` pairs that endpoints may have although the address policy refuses them. */
  loopbackReceivers: readonly string[]
  refusedRanges: readonly string[]
  /** What this and other processes send from, as it is seen from outside. */
  sourceAddresses: readonly string[]
  trustedProxies: readonly string[]
  /** Origins of pages that may show the portal in a frame. */
  frameAncestors: readonly string[]
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
  /** Where production's data comes from; null: nowhere yet, its NPNs stay `loading`. */
  feed: { kind: 'nipr'; nipr: NiprAccess } | { kind: 'simulator'; seed: string } | null
  /** Of production's feed: minutes after midnight in Chicago, and days without a run. */
  calendar: { runAt: number; signalDueAt: number; holidays: readonly LocalDate[] }
  /** Of licenses, as they are stored from now on. */
  renewalRules: RenewalRules
  /** Detail reports a second, of first loads of this process. */
  reportsPerSecond: { nipr: number; simulator: number }
}

export type NiprAccess = {
  alertsUrl: URL
  detailsUrl: URL
  user: string
  password: string
  subscriptionPrefix: string
  email: string
  removeOperation: string
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
  smtpUrl: {
    ...setting<string | null>(
      'SMTP_URL',
      'mail server, as smtps://user:password@host:465; without it no mail is sent',
      null,
      parseSmtpUrl,
    ),
    secret: true,
  },
  mailFrom: setting<string | null>('MAIL_FROM', 'address that mail comes from', null, parseMailAddress),
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
  sourceAddresses: setting<readonly string[]>(
    `${OWN_PREFIX}SOURCE_ADDRESSES`,
    'addresses or ranges (CIDR) that webhooks come from, for the firewalls of receivers; shown to all',
    [],
    (text) => list(text).map((part) => (part.includes('/') ? parseRange(part) : parseAddress(part))),
  ),
  trustedProxies: setting<readonly string[]>(
    `${OWN_PREFIX}TRUSTED_PROXIES`,
    'addresses or ranges of proxies whose x-forwarded-for is believed',
    [],
    (text) => list(text).map((part) => (part.includes('/') ? parseRange(part) : parseAddress(part))),
  ),
  frameAncestors: setting<readonly string[]>(
    `${OWN_PREFIX}FRAME_ANCESTORS`,
    'origins of pages that may show the portal in a frame',
    [],
    (text) => list(text).map(parseOrigin),
  ),
  logLevel: setting<Config['logLevel']>(`${OWN_PREFIX}LOG_LEVEL`, 'debug, info, warn or error', 'info', parseLogLevel),
  hostInFlightMax: limit('HOST_IN_FLIGHT_MAX', 'requests under way to one host, all accounts together', 100),
  hostPerSecondMax: limit('HOST_PER_SECOND_MAX', 'requests a second to one host, all accounts together', 1_000),
  addressInFlightMax: limit('ADDRESS_IN_FLIGHT_MAX', 'requests under way to one address', 400),
  addressPerSecondMax: limit('ADDRESS_PER_SECOND_MAX', 'requests a second to one address', 2_000),
  workerInFlightMax: limit(
    'WORKER_IN_FLIGHT_MAX',
    'attempts under way in this process; four times as many may besides have waited for an answer for a second',
    1_000,
  ),
  accountEventsPerSecond: limit('ACCOUNT_EVENTS_PER_SECOND', 'events by API a second and account', 1_000),
  accountPendingMax: limit(
    'ACCOUNT_PENDING_MAX',
    'pending deliveries of an account, then events by API are refused',
    1_000_000,
  ),
  feed: setting<FeedName>(
    'NIPR_FEED',
    "where production's data comes from: none, nipr or simulator",
    'none',
    parseFeed,
  ),
  niprAlertsUrl: setting<URL | null>('NIPR_ALERTS_URL', "NIPR's alert service", null, parseServiceUrl),
  niprDetailsUrl: setting<URL | null>('NIPR_DETAILS_URL', "NIPR's detail reports", null, parseServiceUrl),
  niprUser: setting<string | null>('NIPR_USER', 'user at NIPR', null, (text) => text),
  niprPassword: { ...setting<string | null>('NIPR_PASSWORD', 'password at NIPR', null, (text) => text), secret: true },
  niprPrefix: setting<string | null>(
    'NIPR_SUBSCRIPTION_PREFIX',
    'prefix of the subscriptions at NIPR',
    null,
    parseWord,
  ),
  niprEmail: setting<string | null>('NIPR_EMAIL', 'whom NIPR writes to about the subscriptions', null, (text) => text),
  niprRemoveOperation: setting(
    'NIPR_REMOVE_OPERATION',
    'what NIPR calls the removal of targets',
    'removeTargets',
    parseWord,
  ),
  niprSeed: setting('NIPR_SIMULATOR_SEED', 'seed of the simulator, where NIPR_FEED=simulator', 'production', parseWord),
  niprRunAt: setting('NIPR_RUN_AT', 'start of the daily run in Chicago, HH:MM', 615, parseTimeOfDay),
  niprSignalDueAt: setting<number | null>(
    'NIPR_SIGNAL_DUE_AT',
    "when the day's signal counts as late, in Chicago, HH:MM; 75 minutes after the run's start by default",
    null,
    parseTimeOfDay,
  ),
  niprHolidays: setting<readonly LocalDate[]>('NIPR_HOLIDAYS', 'weekdays without a run, YYYY-MM-DD', [], (text) =>
    list(text).map(parseDay),
  ),
  renewalRules: setting(
    'NIPR_RENEWAL_RULES',
    'days of late renewal and reinstatement after a license has expired, by state: CO=30+365,TX=90',
    '',
    (text) => {
      parseRenewalRules(text)
      return text
    },
  ),
  niprReportsPerSecond: limit('NIPR_REPORTS_PER_SECOND', 'detail reports a second from NIPR, of first loads', 40),
  simulatorReportsPerSecond: limit(
    'SIMULATOR_REPORTS_PER_SECOND',
    'detail reports a second from the simulator, of first loads',
    200,
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
  const feed = feedOf(values, faults)
  const mail = mailOf(values, faults)
  if (signalDueAtOf(values) <= values.niprRunAt) faults.push('NIPR_SIGNAL_DUE_AT: must be later than NIPR_RUN_AT')
  if (faults.length > 0) throw new ConfigError(faults)
  const embedded = values.databaseUrl === null
  const isNipr = feed?.kind === 'nipr'
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
    mail,
    masterKeyFile: values.masterKeyFile ?? resolve(values.dataDir, 'master-key'),
    masterKeyIsOurs: values.masterKeyFile === null,
    loopbackReceivers: values.loopbackReceivers ?? (embedded && !isNipr ? DEVELOPMENT_RECEIVERS : []),
    refusedRanges: values.refusedRanges,
    sourceAddresses: values.sourceAddresses,
    trustedProxies: values.trustedProxies,
    frameAncestors: values.frameAncestors,
    logLevel: values.logLevel,
    destinationLimits: {
      hostInFlightMax: values.hostInFlightMax,
      hostPerSecondMax: values.hostPerSecondMax,
      addressInFlightMax: values.addressInFlightMax,
      addressPerSecondMax: values.addressPerSecondMax,
    },
    intakeLimits: { eventsPerSecond: values.accountEventsPerSecond, pendingMax: values.accountPendingMax },
    workerInFlightMax: values.workerInFlightMax,
    feed,
    calendar: { runAt: values.niprRunAt, signalDueAt: signalDueAtOf(values), holidays: values.niprHolidays },
    renewalRules: parseRenewalRules(values.renewalRules),
    reportsPerSecond: { nipr: values.niprReportsPerSecond, simulator: values.simulatorReportsPerSecond },
  }
}

/** Minutes after midnight: a run that finds a report at once has long been published by then. */
function signalDueAtOf({ niprSignalDueAt, niprRunAt }: Values): number {
  return niprSignalDueAt ?? Math.min(niprRunAt + 75, 24 * 60)
}

/** The mail server, with what is wrong about it added to `faults`. */
function mailOf({ smtpUrl, mailFrom }: Values, faults: string[]): Config['mail'] {
  if (smtpUrl !== null && mailFrom === null) faults.push('MAIL_FROM: needed with SMTP_URL')
  return smtpUrl === null || mailFrom === null ? null : { url: smtpUrl, from: mailFrom }
}

/** Production's feed, with what is wrong about it added to `faults`. */
function feedOf(values: Values, faults: string[]): Config['feed'] {
  if (values.feed === 'none') return null
  if (values.feed === 'simulator') return { kind: 'simulator', seed: values.niprSeed }
  if (values.loopbackReceivers && values.loopbackReceivers.length > 0) {
    faults.push('LOOPBACK_RECEIVERS: for development, not with NIPR_FEED=nipr')
  }
  const needed = {
    NIPR_ALERTS_URL: values.niprAlertsUrl,
    NIPR_DETAILS_URL: values.niprDetailsUrl,
    NIPR_USER: values.niprUser,
    NIPR_PASSWORD: values.niprPassword,
    NIPR_SUBSCRIPTION_PREFIX: values.niprPrefix,
    NIPR_EMAIL: values.niprEmail,
  }
  for (const [variable, value] of Object.entries(needed)) {
    if (value === null) faults.push(`${variable}: needed with NIPR_FEED=nipr`)
  }
  const { niprAlertsUrl, niprDetailsUrl, niprUser, niprPassword, niprPrefix, niprEmail } = values
  if (!niprAlertsUrl || !niprDetailsUrl || !niprUser || !niprPassword || !niprPrefix || !niprEmail) return null
  const nipr = {
    alertsUrl: niprAlertsUrl,
    detailsUrl: niprDetailsUrl,
    user: niprUser,
    password: niprPassword,
    subscriptionPrefix: niprPrefix,
    email: niprEmail,
    removeOperation: values.niprRemoveOperation,
  }
  return { kind: 'nipr', nipr }
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

function parseRoles(text: string): ProcessRole[] {
  return list(text).map((part) => {
    const role = PROCESS_ROLES.find((known) => known === part)
    if (!role) throw new Error(`there is no role "${part}"; choose of ${PROCESS_ROLES.join(', ')}`)
    return role
  })
}

function parseLogLevel(text: string): Config['logLevel'] {
  if (text === 'debug' || text === 'info' || text === 'warn' || text === 'error') return text
  throw new Error('must be debug, info, warn or error')
}

function shown(value: Values[keyof Settings]): string {
  if (value === null) return ''
  return Array.isArray(value) ? value.join(',') : String(value)
}
