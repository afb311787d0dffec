import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseBody, textField } from '../chaos/answers.ts'
import { insist } from '../chaos/insist.ts'
import { type Backups, startAll } from './backing-up.ts'
import { acknowledgedIn, deliveryOf, judgeDelivered, judgeRepeats, takenIn, uidsIn } from './judging.ts'
import type { Judgement } from './report.ts'
import { DrillServer } from './server.ts'
import { HERE, type Setting, type Site, type Tree } from './site.ts'

/** Published on what was restored. */
const MORE_EVENTS = 40
const CHARS_MAX = 3_000

/** The key is kept apart: with another one, or with none, the restored database is of no use, and that is said. */
async function refuseWithoutKey(site: Site, judgement: Judgement, { connection }: DrillServer): Promise<void> {
  const other = join(site.folder, 'other-key')
  writeFileSync(other, Buffer.alloc(32, 7).toString('base64'), { mode: 0o600 })
  const environment = { ...site.environmentAt(connection), PORT: '0', ADMIN_PORT: '0', ROLES: 'worker' }
  const wrong = await site.refusal(HERE, { ...environment, MASTER_KEY_FILE: other })
  judgement.holds('another master key is refused', wrong.code === 2 && /not the one/.test(wrong.output), wrong.output)
  const none = await site.refusal(HERE, { ...environment, MASTER_KEY_FILE: join(site.folder, 'lost-key') })
  judgement.holds('no master key is refused', none.code === 2 && /no master key/.test(none.output), none.output)
}

/** A new server, the roles, the dump: and the service goes on. */
export async function restoreDump(
  setting: Setting,
  site: Site,
  judgement: Judgement,
  { dump, inDump }: Pick<Backups, 'dump' | 'inDump'>,
  tree: Tree = HERE,
): Promise<Record<string, number>> {
  const server = new DrillServer(join(site.folder, 'from-dump'))
  await server.create()
  await server.start(setting.opened)
  await server.prepare()
  await server.tool('pg_restore', ['--jobs=2', '--dbname=producersync', dump])
  setting.tell('the dump is restored')
  if (setting.options.broken === 'lost-event') await loseEvent(server)
  await refuseWithoutKey(site, judgement, server)
  return await goOn(site, judgement, { server, held: inDump, name: 'dump', tree })
}

/** Planted: the oldest event is not there, as if the dump had missed it. */
async function loseEvent(server: DrillServer): Promise<void> {
  await server.asSuperuser((client) =>
    client.query(`
      with gone as (delete from event where uid = (select min(uid) from event_uid) returning account_id, id)
      delete from pending p using gone g where p.account_id = g.account_id and p.event_id = g.id`),
  )
}

/** The base backup, and all the WAL that there is: and the service goes on. */
export async function restoreBase(
  setting: Setting,
  site: Site,
  judgement: Judgement,
  { base, archive, inArchive }: Backups,
): Promise<Record<string, number>> {
  const server = new DrillServer(join(site.folder, 'from-base'))
  server.adopt(base)
  writeFileSync(join(server.data, 'recovery.signal'), '')
  server.give(join(server.data, 'recovery.signal'))
  await server.start(setting.opened, { restore_command: `cp ${archive}/%f %p`, archive_mode: 'off' })
  setting.tell('the base backup is restored, and its WAL')
  return await goOn(site, judgement, { server, held: inArchive, name: 'wal', tree: HERE })
}

type Restored = { server: DrillServer; held: ReadonlySet<string>; name: string; tree: Tree }

/** Starts the service on what was restored, and judges it by the ledger. */
async function goOn(site: Site, judgement: Judgement, restored: Restored): Promise<Record<string, number>> {
  const { server, held, name, tree } = restored
  const asSuperuser = server.asSuperuser.bind(server)
  const stored = await site.stored(asSuperuser)
  const there = uidsIn(stored)
  const accepted = acknowledgedIn(site.ledger)
  const missing = [...held].filter((uid) => !there.has(uid))
  const lost = judgement.none(`${name}: all from before the backup is there`, missing)
  const gone = [...accepted].filter((uid) => !there.has(uid))
  judgement.holds(
    `${name}: something was lost, so what is missing is seen`,
    gone.length > 0,
    `${accepted.size} are there`,
  )
  const check = await site.admin(['restore-check', '--json'], tree, site.environmentAt(server.connection))
  judgement.holds(`${name}: restore-check says up to when`, check.code === 0 && saysWhen(check.output), check.output)

  const linesBefore = site.ledger.lines.length
  const takenBefore = takenIn(site.ledger.lines)
  const ends = await serveFor(site, judgement, restored, gone[0] ?? '')
  judgement.none(`${name}: processes end when they are asked to, with 0`, ends)

  const after = site.ledger.lines.slice(linesBefore)
  const wanted = new Set([...acknowledgedIn(site.ledger)].filter((uid) => there.has(uid) || !accepted.has(uid)))
  judgeDelivered(judgement, site, wanted)
  const planned = new Set(stored.pending.map(deliveryOf))
  const again = [...takenIn(after).keys()].filter((delivery) => takenBefore.has(delivery))
  const unplanned = again.filter((delivery) => !planned.has(delivery))
  judgement.none(`${name}: only what was planned in the backup is sent again`, unplanned)
  judgeRepeats(judgement, `${name}: nothing is sent twice`, after, site.excuse)
  return { held: held.size, lost, gone: gone.length, planned: planned.size, sentAgain: again.length }
}

/** Lets the service run on what was restored until all is delivered. @returns processes that did not end well */
async function serveFor(
  site: Site,
  judgement: Judgement,
  { server, name, tree }: Restored,
  lostUid: string,
): Promise<string[]> {
  const services = await startAll(site, name, tree, server)
  const urls = services.flatMap(({ url }) => url ?? [])
  await site.publish(MORE_EVENTS, urls)
  const isTaken = await takesAgain(site, urls[0] ?? '', lostUid)
  judgement.holds(`${name}: what was lost is taken again, as another message`, isTaken, lostUid)
  await site.drained(server.asSuperuser.bind(server))
  const reach = site.receivers.urlOf(0)
  const environment = { ...site.environmentAt(server.connection), ROLES: 'worker' }
  const doctor = await site.admin(['doctor', '--json', '--reach', reach], tree, environment)
  judgement.holds(`${name}: doctor finds nothing that fails`, doctor.code === 0, doctor.output.slice(0, CHARS_MAX))
  const ends = await site.stop(services)
  await server.stop()
  return ends
}

/** Publishes an event again that the restored database does not know. */
async function takesAgain({ ledger, world }: Site, url: string, uid: string): Promise<boolean> {
  const known = ledger.publications.get(uid)
  const answer = await insist(`${url}/api/v1/app/${world.accounts[known?.account ?? 0]}/msg`, {
    method: 'POST',
    headers: { authorization: `Bearer ${world.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ eventType: known?.type, eventId: uid, payload: { uid, again: true } }),
  })
  const id = textField(parseBody(await answer.text()), 'id')
  return answer.status === 202 && known?.acknowledgedAs.every(({ messageId }) => messageId !== id) === true
}

function saysWhen(output: string): boolean {
  const report: { restoredTo?: string | null } = JSON.parse(
    output.split('\n').find((line) => line.startsWith('{')) ?? '{}',
  )
  return typeof report.restoredTo === 'string'
}
