import { backUpUnderLoad, startAll, startArchiving } from './backing-up.ts'
import { layOutFormer } from './former.ts'
import { installAsImage } from './image.ts'
import { acknowledgedIn, judgeDelivered, judgeOnce } from './judging.ts'
import { Judgement, type PartReport } from './report.ts'
import { restoreDump } from './restoring.ts'
import { type Setting, Site } from './site.ts'

/** The whole way of an operator: install, two workers, upgrade under load, kill one, back up, lose the machine, restore. */
export async function journeyPart(setting: Setting): Promise<PartReport> {
  const { part, options, tell } = setting
  const site = await Site.open(setting)
  const judgement = new Judgement()
  const former = layOutFormer(site.folder)
  const { server, archive } = await startArchiving(setting, site)
  const { tree, seconds } = await installAsImage(site.folder, setting)
  tell(`installed in ${Math.round(seconds)} s`)
  const environment = site.environmentAt(server.connection)
  const checked = await site.admin(['check-config', '--json'], tree, environment)
  judgement.holds('the installed release reads the settings', checked.code === 0, checked.output)

  const old = await startAll(site, 'old', former.tree, server)
  await site.makeWorld(old[0]?.url ?? '', server.connection)
  const oldUrls = old.flatMap(({ url }) => url ?? [])
  const load = site.load(options.events, oldUrls)
  const half = Math.ceil(options.events / 2)
  const migrated = await site.admin(['migrate', '--json'], tree, environment)
  judgement.holds('migrate works beside the former release', migrated.code === 0, migrated.output)
  const services = await startAll(site, 'new', tree, server)
  await site.until('half of the events', () => site.ledger.acknowledged >= half)
  const [oldApi, ...oldWorkers] = old
  const ends = await site.stop(oldWorkers)
  const victim = services.at(-1)
  victim?.signal('SIGKILL')
  tell('upgraded, and one worker killed')
  await load.published
  await site.acknowledged(load.publisher)
  await victim?.untilReady()
  if (oldApi) ends.push(...(await site.stop([oldApi])))

  const backups = await backUpUnderLoad(setting, site, services, server, archive)
  await site.drained(server.asSuperuser.bind(server))
  const accepted = acknowledgedIn(site.ledger)
  const lost = judgeDelivered(judgement, site, accepted)
  for (const service of services) await service.close()
  await server.stop()
  const restored = await restoreDump(setting, site, judgement, backups, tree)
  judgeOnce(judgement, site.ledger)
  judgement.none('processes end when they are asked to, with 0', ends)
  const figures = { former: former.commit, installSeconds: Math.round(seconds), accepted: accepted.size, lost }
  return {
    part,
    broken: judgement.broken,
    figures: { ...figures, held: restored.held ?? 0, heldLost: restored.lost ?? 0 },
  }
}
