import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { authority } from '../../test/receiver-zoo-certificates.ts'
import { Processes } from '../bench/processes.ts'
import { Api } from '../bench/service.ts'
import { randomOf } from '../chaos/chance.ts'
import { freePort } from '../chaos/environment.ts'
import { BEHAVIOURS, type Behaviour } from './behaviours.ts'
import { Healthy, type Window } from './healthy.ts'
import type { Options } from './options.ts'
import { environmentOf, newKey, type RunningService, type Stage, startService } from './stage.ts'
import type { ZooCommands, ZooCounts } from './zoo-process.ts'

/** Longer than a look-up may take, and long enough that a busy machine is no receiver that hangs. */
const TIMEOUT_MS = 3_000
/** Of those that ask for a wait; all others get one attempt. */
export const RETRY_S = 1
const ENDPOINTS_PER_BEHAVIOUR = 2
const ENDPOINTS_PER_ACCOUNT = 50
const HEALTHY_ACCOUNTS = 10
const HEALTHY_PER_SECOND = 150
const TURN_MS = 2_000
/** Of the duration: for everything at once; the rest is for what hangs, beside healthy endpoints. */
const ATTACK_SHARE = 0.4
const WINDOWS = 4
const WARM_MS = 4_000
const WARM_ROUNDS = 3
/** A planted bug shows itself in the first attempts: what is measured beside them is for those without. */
const PLANTED = { windows: 1, warmRounds: 1 }
const CALLS_AT_ONCE = 8
const SETTLE_MS_MAX = 8_000
const LOOK_MS = 200

export type ReceiversEvidence = {
  rows: AttemptRow[]
  zoo: ZooCounts
  maxBytesRead: number
  rssGrowthBytes: number
  quiet: Window[]
  beside: Window[]
  /** `Observed.starvedMs` */
  starvedMs: number
}

/** Attempts of one class that ended alike. `dueAfterMs`: the shortest time to the next one, from the end. */
export type AttemptRow = {
  behaviour: Behaviour
  outcome: string
  status: number
  attempts: number
  maxOverrunMs: number
  dueAfterMs: number | null
}

type Endpoint = { id: string; behaviour: Behaviour }
type World = { hostile: string[]; hanging: string[]; endpoints: Endpoint[] }

/** Everything a receiver can do wrong, at the service as it runs in production, beside healthy endpoints. */
export async function attackByReceivers(stage: Stage, options: Options): Promise<ReceiversEvidence> {
  const { opened, signal, tell } = stage
  const processes = new Processes()
  opened.end(() => processes.end())
  const zoo = processes.helper<ZooCommands>('../hostile/zoo-process.ts')
  const { loopbackReceivers, nameServer, urls } = await zoo.ask('start')
  const listening = await Healthy.listen()
  opened.end(() => listening.close())
  const { service, api } = await start(stage, options, [...loopbackReceivers, listening.address], nameServer)
  const healthy = listening.open(api.url, api.key)
  opened.end(() => healthy.close())
  const world = await makeWorld(api, healthy, urls)
  tell(`receivers: ${BEHAVIOURS.length} behaviours, ${world.endpoints.length} endpoints`)

  await healthy.measure(WARM_MS, HEALTHY_PER_SECOND, signal)
  // everything has been met by then: what is compiled and cached for it is no growth
  const warmRounds = options.break === null ? WARM_ROUNDS : PLANTED.warmRounds
  for (let round = 0; round < warmRounds; round += 1) {
    await publish(api, [...world.hostile, ...world.hanging], AbortSignal.any([signal, AbortSignal.timeout(WARM_MS)]))
    await settled(stage)
  }
  const before = await service.observe()
  const attackMs = options.durationS * 1_000 * ATTACK_SHARE
  await publish(api, [...world.hostile, ...world.hanging], AbortSignal.any([signal, AbortSignal.timeout(attackMs)]))
  await settled(stage)
  const afterAttack = await service.observe()
  const windows = await measureBeside(stage, options, api, healthy, world)
  const after = await service.observe()
  const rows = await readRows(stage, world)
  const counts = await zoo.ask('count')
  await service.process.close()
  return {
    rows,
    zoo: counts,
    maxBytesRead: after.maxBytesRead,
    // what was kept is there both times; what an allocator has not given back yet comes and goes
    rssGrowthBytes: Math.max(0, Math.min(afterAttack.rssBytes, after.rssBytes) - before.rssBytes),
    ...windows,
    starvedMs: after.starvedMs,
  }
}

/** Healthy endpoints alone, and beside endpoints that hang and names that are dead (F42, F47), in turn. */
async function measureBeside(
  { signal, tell, ...stage }: Stage,
  { durationS, break: bug }: Options,
  api: Api,
  healthy: Healthy,
  { hanging }: World,
): Promise<Pick<ReceiversEvidence, 'quiet' | 'beside'>> {
  const windowMs = (durationS * 1_000 * (1 - ATTACK_SHARE)) / (2 * WINDOWS)
  const quiet: Window[] = []
  const beside: Window[] = []
  const windows = bug === null ? WINDOWS : PLANTED.windows
  while (beside.length < windows && !signal.aborted) {
    quiet.push(await healthy.measure(windowMs, HEALTHY_PER_SECOND, signal))
    const over = new AbortController()
    const attack = publish(api, hanging, AbortSignal.any([signal, over.signal]))
    beside.push(await healthy.measure(windowMs, HEALTHY_PER_SECOND, signal))
    over.abort()
    await attack
    await settled({ signal, tell, ...stage })
    tell(`receivers: p99 ${quiet.at(-1)?.p99Ms} ms quiet, ${beside.at(-1)?.p99Ms} ms beside hanging ones`)
  }
  return { quiet, beside }
}

async function start(stage: Stage, { seed, break: bug }: Options, receivers: readonly string[], nameServer: string) {
  const random = randomOf(seed, 'ports', performance.now())
  const [port, adminPort] = [await freePort(random), await freePort(random)]
  const authorityFile = join(stage.folder, 'authority.pem')
  writeFileSync(authorityFile, authority)
  const url = `http://127.0.0.1:${port}`
  const service: RunningService = await startService(stage, {
    name: 'service',
    url,
    break: bug,
    environment: {
      ...environmentOf(stage, receivers),
      PORT: String(port),
      ADMIN_PORT: String(adminPort),
      NODE_EXTRA_CA_CERTS: authorityFile,
      HOSTILE_NAME_SERVER: nameServer,
      MALLOC_ARENA_MAX: '2', // else what threads of the allocator keep hides what the service keeps
    },
  })
  const key = await newKey(stage)
  return { service, api: Object.assign(new Api(url, key), { url }) }
}

/** Accounts of hostile endpoints, each of which gets every event, and accounts with one healthy endpoint each. */
async function makeWorld(api: Api, healthy: Healthy, urls: Readonly<Record<string, string>>): Promise<World> {
  await api.post('/event-type', { name: 'hostile.happened', description: 'An event of the hostile rig' })
  const hostile = await makeEndpoints(
    api,
    urls,
    BEHAVIOURS.filter(({ hangs }) => !hangs),
  )
  const hanging = await makeEndpoints(
    api,
    urls,
    BEHAVIOURS.filter(({ hangs }) => hangs),
  )
  const accounts = await made(HEALTHY_ACCOUNTS, () => api.post('/app', { name: 'Healthy' }))
  await made(HEALTHY_ACCOUNTS, (number) => api.post(`/app/${accounts[number]}/endpoint`, { url: healthy.url }))
  healthy.accounts = accounts
  return {
    hostile: hostile.accounts,
    hanging: hanging.accounts,
    endpoints: [...hostile.endpoints, ...hanging.endpoints],
  }
}

/** Accounts with as many endpoints as they may have, each of which gets every event. */
async function makeEndpoints(api: Api, urls: Readonly<Record<string, string>>, behaviours: readonly Behaviour[]) {
  const wanted = behaviours.flatMap((behaviour) => Array.from({ length: ENDPOINTS_PER_BEHAVIOUR }, () => behaviour))
  const accounts = await made(Math.ceil(wanted.length / ENDPOINTS_PER_ACCOUNT), () =>
    api.post('/app', { name: 'Hostile' }),
  )
  const ids = await made(wanted.length, async (number) => {
    const behaviour = wanted[number]
    if (!behaviour) throw new RangeError('no such endpoint')
    const { name, url } = behaviour
    return await api.post(`/app/${accounts[Math.floor(number / ENDPOINTS_PER_ACCOUNT)]}/endpoint`, {
      url: 'host' in url ? `https://${url.host.replace('.', `.${number}.`)}/hook` : urls[name],
      retrySchedule: name.startsWith('retry-after') ? [RETRY_S] : [],
      timeoutMs: TIMEOUT_MS,
    })
  })
  return { accounts, endpoints: wanted.map((behaviour, index): Endpoint => ({ behaviour, id: ids[index] ?? '' })) }
}

async function made(count: number, make: (number: number) => Promise<string>): Promise<string[]> {
  const ids: string[] = []
  let next = 0
  const take = async () => {
    for (let number = next++; number < count; number = next++) ids[number] = await make(number)
  }
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, take))
  return ids
}

/**
 * One event for each of these accounts every two seconds, one account after the other: an endpoint that has never answered
 * 2xx gets one attempt a second.
 */
async function publish(api: Api, accounts: readonly string[], until: AbortSignal): Promise<void> {
  for (let turn = 0; !until.aborted; turn += 1) {
    const account = accounts[turn % accounts.length]
    const payload = { turn, text: createHash('sha256').update(String(turn)).digest('hex').repeat(8) }
    await api.post(`/app/${account}/msg`, { eventType: 'hostile.happened', payload })
    await sleep(TURN_MS / accounts.length, undefined, { signal: until }).catch(() => undefined)
  }
}

/** Nothing of the hostile ones is due any more, but what waits for a breaker; or that takes too long. */
async function settled({ database, signal }: Stage): Promise<void> {
  const endsAtMs = performance.now() + SETTLE_MS_MAX
  await database.asSuperuser(async (client) => {
    for (;;) {
      const { rows } = await client.query<{ pending: number }>(
        'select count(*)::int as pending from pending where due_at < clock_timestamp()',
      )
      if (rows[0]?.pending === 0 || performance.now() > endsAtMs || signal.aborted) return
      await sleep(LOOK_MS)
    }
  })
}

async function readRows({ database }: Stage, { endpoints }: World): Promise<AttemptRow[]> {
  const behaviours = new Map(endpoints.map(({ id, behaviour }) => [id, behaviour]))
  return await database.asSuperuser(async (client) => {
    const { rows } = await client.query<Omit<AttemptRow, 'behaviour'> & { endpoint_id: string }>(
      `select endpoint_id, outcome, status_code as status, count(*)::int as attempts,
              max(duration_ms - $1)::int as "maxOverrunMs",
              min(extract(epoch from next_attempt_at - started_at) * 1000 - duration_ms)::float8 as "dueAfterMs"
         from attempt where outcome <> 'canceled'
        group by endpoint_id, outcome, status_code`,
      [TIMEOUT_MS],
    )
    return rows.flatMap(({ endpoint_id, ...row }) => {
      const behaviour = behaviours.get(endpoint_id)
      return behaviour ? [{ behaviour, ...row }] : []
    })
  })
}
