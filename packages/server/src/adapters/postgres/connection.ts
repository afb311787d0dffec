import type { ClientConfig } from 'pg'

/** What a connection may do: each takes the database role `psapi_<role>` at its start. */
export type Role = (typeof roles)[number]
export const roles = ['migrate', 'api', 'accept', 'worker', 'updates'] as const

/** Where the database is: a server by URL (`roleUrls` name logins of single roles), or the embedded one by its socket folder. */
export type Connection =
  | { url: string; roleUrls?: Partial<Record<Role, string>> }
  | { socketDir: string; port: number; database: string; user: string }

export type SessionOptions = {
  role?: Role
  applicationName: string
  statementTimeoutMs: number
  lockTimeoutMs?: number
  idleInTransactionMs?: number
  connectTimeoutMs?: number
}

/** What holds where a session says nothing else. */
export const SESSION_LIMITS = { connectTimeoutMs: 1_500, lockTimeoutMs: 1_000, idleInTransactionMs: 2_000 } as const

/** The name of a role in the database. */
export function databaseRole(role: Role): string {
  return `psapi_${role}`
}

/**
 * A worker looks for what it wants by keys, in tables that are nearly empty: a plan made then would read the whole table, and go on
 * doing so when a snapshot that is held keeps everything in it that has long been deleted. Source: docs/decisions/0092
 */
const BY_INDEX = { enable_seqscan: 'off' } as const

/**
 * What `pg` needs for one connection. Role and time limits go with the start-up message, so no connection exists without them and
 * none costs a round trip.
 */
export function clientConfig(connection: Connection, options: SessionOptions): ClientConfig {
  const settings = {
    ...(options.role ? { role: databaseRole(options.role) } : {}),
    ...(options.role === 'worker' ? BY_INDEX : {}),
    statement_timeout: options.statementTimeoutMs,
    lock_timeout: options.lockTimeoutMs ?? SESSION_LIMITS.lockTimeoutMs,
    idle_in_transaction_session_timeout: options.idleInTransactionMs ?? SESSION_LIMITS.idleInTransactionMs,
    tcp_user_timeout: 5_000,
    timezone: 'UTC',
  }
  const startOptions = Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ')
  const common = {
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectTimeoutMs ?? SESSION_LIMITS.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  }
  if ('socketDir' in connection) {
    const { socketDir: host, port, database, user } = connection
    return { ...common, host, port, database, user, ssl: false, options: startOptions }
  }
  const url = (options.role && connection.roleUrls?.[options.role]) || connection.url
  return { ...common, connectionString: withOptions(url, startOptions, options.applicationName) }
}

/** The same server and login, another database. */
export function inDatabase(connection: Connection, database: string): Connection {
  if ('socketDir' in connection) return { ...connection, database }
  const other = (url: string) => Object.assign(new URL(url), { pathname: `/${encodeURIComponent(database)}` }).href
  const { url, roleUrls } = connection
  if (!roleUrls) return { url: other(url) }
  return {
    url: other(url),
    roleUrls: Object.fromEntries(Object.entries(roleUrls).map(([role, u]) => [role, other(u)])),
  }
}

// pg lets the parameters of a URL win over everything else, so ours are put into it, after the operator's own.
function withOptions(url: string, options: string, applicationName: string): string {
  const [base = '', ...query] = url.split('?')
  const parameters = new URLSearchParams(query.join('?'))
  parameters.set('options', [parameters.get('options'), options].filter(Boolean).join(' '))
  parameters.set('application_name', applicationName)
  return `${base}?${parameters.toString()}`
}
