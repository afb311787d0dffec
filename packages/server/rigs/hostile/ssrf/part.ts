import { Processes } from '../../bench/processes.ts'
import { randomOf } from '../../chaos/chance.ts'
import type { Break, Options } from '../options.ts'
import { environmentOf, newKey, type RunningService, type Stage, startService } from '../stage.ts'
import { SERVICE_ADDRESS, WORLD_ADDRESS } from './addresses.ts'
import { CANARIES } from './canaries.ts'
import type { SsrfEvidence } from './evidence.ts'
import { Inputs } from './inputs.ts'
import { networkOf, newNetwork } from './namespaces.ts'
import { compare } from './oracle.ts'
import type { Packets, World } from './world.ts'

/** In a run of 100 s and more: all of them. */
const TRIES_PER_SECOND = 100
const TRIES_MAX = 10_000
const ORACLE_PER_SECOND = 10_000
const ORACLE_MAX = 1_000_000

type Site = { stage: Stage; world: World; processId: number }

/**
 * Targets that lead to where nobody may go, in namespaces without a way out (reliability-security, R3): first with the guard
 * alone; then with the guard off and the second wall up; then with neither, which has to reach every canary.
 */
export async function attackByAddresses(stage: Stage, options: Options): Promise<SsrfEvidence> {
  const { opened, tell, database } = stage
  const processes = new Processes()
  opened.end(() => processes.end())
  const world: World = processes.helper('../hostile/ssrf/world-process.ts', newNetwork())
  const site: Site = { stage, world, processId: await world.ask('open') }
  const guarded = await start(site, 'guarded', options.break)
  await database.asSuperuser((client) =>
    client.query(`update environment set settings = '{"httpsOnly": false, "endpointsMax": 10000}'`),
  )
  const inputs = new Inputs({ world, database, key: await newKey(stage), signal: stage.signal })
  await inputs.open()
  const before = await world.ask('packets')
  const corpus = await inputs.save()
  tell(`ssrf: corpus ${corpus.passed} of ${corpus.total}`)
  await inputs.sendToAll()
  const neighbours = await inputs.sendToNeighbours()
  tell(`ssrf: ${inputs.count} inputs, ${neighbours.delivered} neighbours delivered to`)
  const tries = Math.min(TRIES_MAX, options.durationS * TRIES_PER_SECOND)
  const rebindings = await inputs.rebind(options.seed, tries)
  tell(`ssrf: ${rebindings} rebindings`)
  const oracle = compare(randomOf(options.seed, 'oracle'), Math.min(ORACLE_MAX, options.durationS * ORACLE_PER_SECOND))
  const outcomes = await inputs.outcomes()
  const guardedPackets = difference(await world.ask('packets'), before)
  await guarded.process.terminate(STOP_MS_MAX)
  await guarded.process.close()

  const wall = await withoutGuard(site, inputs, 'walled', true)
  tell(`ssrf: ${sum(wall)} packets with the guard off and the wall up`)
  const control = await withoutGuard(site, inputs, 'open', false)
  tell(`ssrf: ${sum(control)} packets with neither`)
  const unreached = CANARIES.filter((_, index) => control.canaries[index] === 0).map(({ range }) => range)
  if (control.loopback === 0) unreached.push('loopback')
  return {
    figures: {
      inputs: inputs.count,
      refusedAtSave: corpus.refused,
      blockedAtSend: outcomes.blocked,
      canaryPackets: sum(guardedPackets),
      rebindingTries: rebindings,
      corpusPassed: corpus.passed,
      corpusTotal: corpus.total,
      oracleAddresses: oracle.addresses,
      oracleDisagreements: oracle.total,
      neighbours: neighbours.delivered,
      falseRefusals: neighbours.refused.length,
      controlReached: unreached.length === 0,
      secondWallPackets: sum(wall),
      canaries: CANARIES.length + 1,
      unexpected: outcomes.unexpected.length,
    },
    failures: [
      ...corpus.failures,
      ...neighbours.refused,
      ...oracle.disagreements,
      ...outcomes.unexpected,
      ...seen(guardedPackets).map((range) => `canary ${range}`),
      ...seen(wall).map((range) => `wall ${range}`),
      ...unreached.map((range) => `control ${range}`),
    ],
  }
}

const STOP_MS_MAX = 10_000

async function start({ stage, processId }: Site, name: string, bug: Break | null): Promise<RunningService> {
  return await startService(stage, {
    name,
    url: `http://${SERVICE_ADDRESS}:8080`,
    break: bug,
    through: networkOf(processId),
    environment: {
      ...environmentOf(stage, []),
      PSAPI_SERVER_HOST: SERVICE_ADDRESS,
      PSAPI_SERVER_ADMIN_HOST: SERVICE_ADDRESS,
      PORT: '8080',
      ADMIN_PORT: '8081',
      PUBLIC_URL: 'https://hooks.rig-of-our-own.com',
      PSAPI_SERVER_REFUSED_RANGES: `${SERVICE_ADDRESS}/32`,
      HOSTILE_NAME_SERVER: `${WORLD_ADDRESS}:53`,
      // whoever obeyed these would call a canary
      HTTP_PROXY: 'http://10.9.9.9:8080',
      HTTPS_PROXY: 'http://10.9.9.9:8080',
      ALL_PROXY: 'http://10.9.9.9:8080',
      NODE_USE_ENV_PROXY: '1',
    },
  })
}

/** The same targets again, at a build whose guard lets everything pass. @returns the packets that came of it */
async function withoutGuard(site: Site, inputs: Inputs, name: string, isWalled: boolean): Promise<Packets> {
  const { world } = site
  await world.ask('wall', isWalled)
  const before = await world.ask('packets')
  const service = await start(site, name, 'guard-off')
  await inputs.publishToAll()
  const packets = difference(await world.ask('packets'), before)
  await service.process.terminate(STOP_MS_MAX)
  await service.process.close()
  return packets
}

function difference(after: Packets, before: Packets): Packets {
  return {
    canaries: after.canaries.map((count, index) => count - (before.canaries[index] ?? 0)),
    loopback: after.loopback - before.loopback,
  }
}

function sum({ canaries, loopback }: Packets): number {
  return canaries.reduce((total, count) => total + count, loopback)
}

function seen({ canaries, loopback }: Packets): string[] {
  return [...CANARIES.map(({ range }) => range), 'loopback'].filter(
    (_, index) => ([...canaries, loopback][index] ?? 0) > 0,
  )
}
