import { backUpUnderLoad, startAll, startArchiving } from './backing-up.ts'
import { acknowledgedIn, judgeOnce } from './judging.ts'
import { Judgement, type PartReport } from './report.ts'
import { restoreBase, restoreDump } from './restoring.ts'
import { HERE, type Setting, Site } from './site.ts'

/** Backups under load, the loss of everything, and restores in other places: by a dump, and by a base backup with its WAL. */
export async function backupPart(setting: Setting): Promise<PartReport> {
  const { part, options, tell } = setting
  const site = await Site.open(setting)
  const { server, archive } = await startArchiving(setting, site)
  const judgement = new Judgement()
  const services = await startAll(site, 'first', HERE, server)
  await site.makeWorld(services[0]?.url ?? '', server.connection)
  tell('the service runs')
  const backups = await backUpUnderLoad(setting, site, services, server, archive)
  const accepted = acknowledgedIn(site.ledger)
  for (const service of services) await service.close()
  await server.stop()
  tell(`${accepted.size} events accepted; then the machine is lost`)

  const byDump = await restoreDump(setting, site, judgement, backups)
  const byWal = await restoreBase(setting, site, judgement, backups)
  judgeOnce(judgement, site.ledger)
  const figures = {
    accepted: accepted.size,
    ...prefixed('dump', byDump),
    ...prefixed('wal', byWal),
    events: options.events,
  }
  return { part, broken: judgement.broken, figures }
}

function prefixed(name: string, figures: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).map(([key, value]) => [`${name}.${key}`, value]))
}
