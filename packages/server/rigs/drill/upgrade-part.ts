import { startRunDatabase } from '../chaos/database.ts'
import { layOutFormer } from './former.ts'
import { acknowledgedIn, judgeDelivered, judgeOnce, judgeRepeats } from './judging.ts'
import { Judgement, type PartReport } from './report.ts'
import { HERE, type Setting, Site } from './site.ts'

/** Any number that no release has. */
const FUTURE = 999

/**
 * The release before and this one, at once on one database under load: the former works, this one migrates, both work, and the
 * former's processes are replaced one after the other.
 */
export async function upgradePart(setting: Setting): Promise<PartReport> {
  const { part, options, opened, fail, tell } = setting
  const site = await Site.open(setting)
  const former = layOutFormer(site.folder)
  const { database } = await startRunDatabase('drill', {}, opened, fail)
  const asSuperuser = database.asSuperuser.bind(database)
  const at = database.connection
  const judgement = new Judgement()

  const oldApi = await site.start('old-api', 'api,updates', former.tree, at)
  const oldWorkers = [
    await site.start('old-worker-1', 'worker', former.tree, at),
    await site.start('old-worker-2', 'worker', former.tree, at),
  ]
  const oldUrl = oldApi.url ?? ''
  await site.makeWorld(oldUrl, at)
  tell(`${former.commit} runs; it does not know ${former.unknown.join(', ')}`)
  // before the load: where this one will listen is known only when it is ready, and a publisher knows its places from the start
  const before = site.load(Math.ceil(options.events / 3), [oldUrl])
  const newApi = await site.start('new-api', 'api,updates', HERE, at)
  const newWorker = await site.start('new-worker-1', 'worker', HERE, at)
  const applied = await asSuperuser(async (client) => {
    const { rows } = await client.query<{ name: string }>('select name from schema_migration order by number')
    return rows.map(({ name }) => name)
  })
  judgement.none(
    'the new release migrates under load',
    former.unknown.filter((name) => !applied.includes(name)),
  )
  await before.published
  await site.acknowledged(before.publisher)
  tell('both releases run')

  const newUrl = newApi.url ?? ''
  const during = site.load(options.events, [oldUrl, newUrl])
  const third = Math.ceil(options.events / 3)
  const soFar = site.ledger.acknowledged
  await site.until('both to accept', () => site.ledger.acknowledged >= soFar + third)
  const crashesBefore = [...site.crashes]
  const ends = [...(await site.stop(oldWorkers.slice(0, 1)))]
  const second = await site.start('new-worker-2', 'worker', HERE, at)
  ends.push(...(await site.stop([...oldWorkers.slice(1), oldApi])))
  await during.published
  await site.acknowledged(during.publisher)
  await site.drained(asSuperuser)
  tell('the former release has gone')

  const newer = await refuseNewer(site, judgement, asSuperuser, at)
  const way = await waysBack(asSuperuser, former.unknown)
  const workers = [newWorker, second]
  if (way.refusedBy === null) {
    const rolledBack = await site.start('rolled-back-worker', 'worker', former.tree, at)
    ends.push(...(await site.stop(workers.splice(0))))
    workers.push(rolledBack)
    tell('the workers are of the former release again')
  } else {
    const { code, output } = await site.refusal(former.tree, {
      ...site.environmentAt(at),
      PORT: '0',
      ADMIN_PORT: '0',
      ROLES: 'worker',
    })
    judgement.holds(
      'a way back that a migration closes is refused with exit code 2, by its name',
      code === 2 && output.includes(way.refusedBy),
      `${code}: ${output.slice(0, 300)}`,
    )
  }
  await site.publish(Math.ceil(options.events / 10), [newUrl])
  await site.drained(asSuperuser)
  const stops = await site.stop([newApi, ...workers])
  const uids = acknowledgedIn(site.ledger)
  const lost = judgeDelivered(judgement, site, uids)
  judgeOnce(judgement, site.ledger)
  const repeated = judgeRepeats(judgement, 'nothing is sent twice', site.ledger.lines, site.excuse)
  judgement.none('processes end when they are asked to, with 0', [...ends, ...stops, ...site.crashes])
  judgement.none('the former release lives on under the new schema', crashesBefore)
  return {
    part,
    broken: judgement.broken,
    figures: {
      former: former.commit,
      migrations: former.unknown.length,
      accepted: uids.size,
      lost,
      ...repeated,
      newer,
      wayBack: way.refusedBy === null ? 'taken' : `closed by ${way.refusedBy}`,
    },
  }
}

/** Whether processes of the former release may come back: each migration that it does not know has to say that it works with it. */
async function waysBack(
  asSuperuser: Parameters<Site['drained']>[0],
  unknown: readonly string[],
): Promise<{ refusedBy: string | null }> {
  return await asSuperuser(async (client) => {
    const { rows } = await client.query<{ name: string; open: boolean }>(
      `select m.name, coalesce(m.works_with <= (select max(number) from schema_migration where name <> all ($1)), false) as open
         from schema_migration m where m.name = any ($1) order by m.number`,
      [unknown],
    )
    return { refusedBy: rows.find(({ open }) => !open)?.name ?? null }
  })
}

/** A process does not start on a schema of a release that it does not know; those that run go on. */
async function refuseNewer(
  site: Site,
  judgement: Judgement,
  asSuperuser: Parameters<Site['drained']>[0],
  at: Parameters<Site['environmentAt']>[0],
): Promise<string> {
  await asSuperuser((client) =>
    client.query(
      `insert into schema_migration (number, name, sha256) values (${FUTURE}, '${FUTURE}-from-later.sql', '')`,
    ),
  )
  const environment = { ...site.environmentAt(at), PORT: '0', ADMIN_PORT: '0', ROLES: 'worker' }
  const { code, output } = await site.refusal(HERE, environment)
  await asSuperuser((client) => client.query(`delete from schema_migration where number = ${FUTURE}`))
  const isClear = code === 2 && output.includes(`${FUTURE}-from-later.sql`)
  judgement.holds('a newer schema is refused with exit code 2, by name', isClear, `${code}: ${output.slice(0, 300)}`)
  return isClear ? 'refused' : 'not refused'
}
