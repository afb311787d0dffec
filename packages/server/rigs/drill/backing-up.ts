import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ServiceProcess } from '../chaos/service-process.ts'
import { acknowledgedIn } from './judging.ts'
import { DrillServer } from './server.ts'
import type { Setting, Site, Tree } from './site.ts'

/** What stands in a backup when it is taken, and where it is. */
export type Backups = {
  dump: string
  /** Acknowledged before the dump began. */
  inDump: Set<string>
  base: string
  archive: string
  /** Acknowledged before the last archived piece of WAL was closed. */
  inArchive: Set<string>
}

/** A server that keeps its WAL in an archive, as docs/operations.md tells ("Backups"). */
export async function startArchiving(
  { opened }: Setting,
  site: Site,
): Promise<{ server: DrillServer; archive: string }> {
  const server = new DrillServer(join(site.folder, 'first'))
  const archive = join(site.folder, 'archive')
  mkdirSync(archive)
  server.give(archive)
  await server.create()
  await server.start(opened, {
    archive_mode: 'on',
    archive_command: `test ! -f ${archive}/%f && cp %p ${archive}/%f.part && mv ${archive}/%f.part ${archive}/%f`,
  })
  await server.prepare()
  await server.asSuperuser((client) => client.query(BACKUP_ROLE))
  return { server, archive }
}

/** Reads every row, whoever's it is: a dump by the service's own login would be refused by row level security. */
const BACKUP_ROLE = 'create role psapi_backup login bypassrls replication; grant pg_read_all_data to psapi_backup'

/** One process with the API and two workers. */
export async function startAll(
  site: Site,
  name: string,
  tree: Tree,
  { connection }: DrillServer,
): Promise<ServiceProcess[]> {
  return [
    await site.start(`${name}-api`, 'api,updates', tree, connection),
    await site.start(`${name}-worker-1`, 'worker', tree, connection),
    await site.start(`${name}-worker-2`, 'worker', tree, connection),
  ]
}

/** Takes both kinds of backup while events come in; then some more come that stand in none. */
export async function backUpUnderLoad(
  { options, tell }: Setting,
  site: Site,
  services: readonly ServiceProcess[],
  server: DrillServer,
  archive: string,
): Promise<Backups> {
  const urls = services.flatMap(({ url }) => url ?? [])
  const acceptedBefore = site.ledger.acknowledged
  const { publisher, published } = site.load(options.events, urls)
  const third = Math.ceil(options.events / 3)
  await site.until('a third of the events', () => site.ledger.acknowledged >= acceptedBefore + third)
  const base = join(site.folder, 'base')
  const dump = join(site.folder, 'dump')
  const inDump = acknowledgedIn(site.ledger)
  mkdirSync(base, { mode: 0o700 })
  server.give(base)
  mkdirSync(dump, { mode: 0o700 })
  server.give(dump)
  await server.tool('pg_dump', ['--format=directory', '--jobs=2', `--file=${dump}`, 'producersync'], 'psapi_backup')
  await server.tool('pg_basebackup', ['-D', base, '-X', 'none', '--checkpoint=fast'], 'psapi_backup')
  tell(`backups taken after ${inDump.size} events`)
  await published
  await site.acknowledged(publisher)
  const inArchive = acknowledgedIn(site.ledger)
  await archived(site, server)
  await site.publish(Math.ceil(options.events / 10), urls)
  return { dump, inDump, base, archive, inArchive }
}

/** Closes the present piece of WAL, and waits until it is in the archive. */
async function archived(site: Site, server: DrillServer): Promise<void> {
  const piece = await server.asSuperuser(async (client) => {
    const { rows } = await client.query<{ piece: string }>('select pg_walfile_name(pg_switch_wal()) as piece')
    return rows[0]?.piece ?? ''
  })
  await site.until('the archive', () =>
    server.asSuperuser(async (client) => {
      const { rows } = await client.query<{ last: string | null }>(
        'select last_archived_wal as last from pg_stat_archiver',
      )
      return (rows[0]?.last ?? '').slice(0, piece.length) >= piece
    }),
  )
}
