import { readFileSync } from 'node:fs'
import { escapeIdentifier } from 'pg'
import { withClient } from './client.ts'
import { type Connection, databaseRole, inDatabase, type Role, roles } from './connection.ts'

// at a start the machine may be busy with nothing but starting
const sessionOptions = { applicationName: 'producersync-roles', statementTimeoutMs: 30_000 }

/** Makes the roles, the login `psapi` and the database, where they are missing. For a server of our own: `superuser` may do anything. */
export async function ensureRoles(superuser: Connection, database: string): Promise<void> {
  await withClient(superuser, sessionOptions, async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [database])
    if (rowCount === 0) await client.query(`create database ${escapeIdentifier(database)}`)
  })
  await withClient(inDatabase(superuser, database), sessionOptions, async (client) => {
    await client.query(readFileSync(new URL('roles.sql', import.meta.url), 'utf8'))
    await client.query(`alter database ${escapeIdentifier(database)} owner to psapi_migrate`)
  })
}

type Login = { name: string; rolsuper: boolean; rolbypassrls: boolean }

/**
 * Why the users of this connection may not run the service, each as a sentence for the operator; none when all is well.
 * @throws DatabaseUnavailable
 */
export async function roleFaults(connection: Connection): Promise<string[]> {
  const urls = 'url' in connection ? connection.roleUrls : undefined
  const byLogin = Map.groupBy(roles, (role) => urls?.[role] ?? 'DATABASE_URL')
  const faults = await Promise.all([...byLogin.values()].map((group) => loginFaults(connection, group)))
  return [...new Set(faults.flat())]
}

async function loginFaults(connection: Connection, wanted: Role[]): Promise<string[]> {
  const [first] = wanted
  const login = 'url' in connection && first ? { url: connection.roleUrls?.[first] ?? connection.url } : connection
  return await withClient(login, sessionOptions, async (client) => {
    const names = wanted.map(databaseRole)
    const { rows: logins } = await client.query<Login>(
      `select rolname as name, rolsuper, rolbypassrls from pg_roles where rolname = session_user or rolname = any ($1)`,
      [names],
    )
    const { rows: members } = await client.query<{ name: string; member: boolean; login: string }>(
      `select name, pg_has_role(session_user, rolname, 'member') as member, session_user as login
         from unnest($1::text[]) as wanted (name) left join pg_roles on rolname = name`,
      [names],
    )
    return [
      ...logins.flatMap(({ name, rolsuper, rolbypassrls }) => {
        if (rolsuper)
          return [`The database user "${name}" is a superuser. Use one without rights of its own (see roles.sql).`]
        return rolbypassrls
          ? [`The database user "${name}" has BYPASSRLS. Take it away: alter role "${name}" nobypassrls.`]
          : []
      }),
      ...members.flatMap(({ name, member, login }) => {
        if (member === null) return [`The database role "${name}" is missing. Run roles.sql once as an administrator.`]
        return member
          ? []
          : [`The database user "${login}" may not become "${name}". Run roles.sql once for this user.`]
      }),
    ]
  })
}
