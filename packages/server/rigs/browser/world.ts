import { HOSTILE, storeHostile } from './hostile.ts'
import type { Stage } from './stage.ts'

/** An account as its people find it on a bad day. */
export type World = {
  account: string
  /** Answers 204. */
  healthy: string
  /** Answers 503, after it has taken the first events. */
  failing: string
  /** Disabled, by default with a hostile description. */
  disabled: string
  /** Delivered to one endpoint, failed at another. */
  event: string
  attempts: readonly string[]
  /** Whose payload, id and channels are hostile. */
  hostileEvent: string
  npns: readonly string[]
  /** That let the producers join. */
  job: string
  replay: string
  issue: string
  /** Of the run that brought their data, for the account and for its operator. */
  runDate: string
  run: string
  /** Of a command line that waits to be let in. */
  userCode: string
}

const WAIT_MS_MAX = 30_000
const DAY_MS = 86_400_000
const NPNS = ['912484758', '912484759', '912484760']

/** Fills an account: endpoints in several states, producers, events with attempts, an issue, a replay. */
export async function fillWorld(stage: Stage, { isHostile }: { isHostile: boolean }): Promise<World> {
  const account = await stage.make('/api/v1/app', { name: 'Northwind Agency' })
  const path = `/api/v1/app/${account}`
  const make = async (index: number, more: object) => {
    const { url } = stage.receiver(index)
    return await stage.make(`${path}/endpoint`, { url, ...more })
  }
  stage.receiver(0).answer(204)
  const healthy = await make(0, { description: 'Order system' })
  stage.receiver(1).answer(204)
  const failing = await make(1, { description: 'CRM' })
  const disabled = await make(2, { description: isHostile ? HOSTILE[1] : 'Audit', disabled: true })

  const type = { name: 'test.happened', description: HOSTILE.join(' ') }
  await stage.ok('POST', '/api/v1/event-type', type, { token: stage.keys.sandbox })
  const { npns, run } = await addProducers(stage, account)
  await stage.receiver(1).until(() => stage.receiver(1).requests.length > NPNS.length)
  stage
    .receiver(1)
    .answer((response) => response.writeHead(503, { 'content-type': 'text/html', 'x-note': HOSTILE[0] }).end(BUSY_PAGE))
  const event = await stage.make(`${path}/msg`, {
    eventType: type.name,
    payload: { amount: '1.0', npn: NPNS[0], note: 'An event as any other' },
  })
  const hostileEvent = await stage.make(`${path}/msg`, {
    eventType: type.name,
    payload: { list: HOSTILE, [HOSTILE[1] ?? '']: HOSTILE[0] },
    tags: ['hostile'],
  })
  const attempts = await until('attempts of both endpoints', async () => {
    const ids = await stage.idsOf(`${path}/attempt/msg/${event}?limit=50`)
    return ids.length >= 2 ? ids : undefined
  })
  const first = async (what: string, list: string) =>
    await until(what, async () => (await stage.idsOf(`${path}/${list}`))[0])
  const since = new Date(Date.now() - DAY_MS).toISOString()
  await stage.ok('POST', `${path}/endpoint/${healthy}/bulk-replay`, { since }, { token: stage.keys.sandbox })
  const [issue, job, replay] = await Promise.all([
    first('an issue', 'issue'),
    first('the job of the producers', 'population/job'),
    first('a replay that is through', 'replay?status=finished'),
  ])
  if (isHostile) await storeHostile(stage, account, { issue, npn: NPNS[0] ?? '' })
  const { userCode } = await startCliLogin(stage)
  const attacked = { event, attempts, hostileEvent }
  return { account, healthy, failing, disabled, ...attacked, npns, job, replay, issue, ...run, userCode }
}

const BUSY_PAGE = `<!doctype html><title>Sign in</title><h1>Please sign in</h1><form action="/login"><input type="password"></form>${HOSTILE[1]}`

/** As a command line asks: without any key. */
export async function startCliLogin(stage: Stage): Promise<{ deviceCode: string; userCode: string }> {
  const asked = await stage.ok('POST', '/api/v1/cli-login', { deviceName: `ada’s laptop ${HOSTILE[1]}` }, ANONYMOUS)
  return asked as { deviceCode: string; userCode: string }
}

export const ANONYMOUS = { headers: { authorization: '' } } as const

/** Each tells of itself when it joins, and a daily run once for all. */
async function addProducers(stage: Stage, account: string): Promise<{ npns: readonly string[]; run: Run }> {
  const token = await clientToken(stage, account)
  await stage.ok('PUT', '/v1/accounts/subscriptions', NPNS, { token })
  const { run_id: run }: { run_id: string } = await stage.ok('POST', '/v1/sandbox/runs', {}, { token })
  const { runDate }: { runDate: string } = await stage.ok('GET', `/v1/runs/${run}`, undefined, { token })
  return { npns: NPNS, run: { run, runDate } }
}

type Run = Pick<World, 'run' | 'runDate'>

/** Of the ProducerSync API, as a program of the account has it. */
export async function clientToken(stage: Stage, account: string): Promise<string> {
  const { client } = JSON.parse(
    await stage.admin('client', 'create', '--account', account, '--environment', 'sandbox', '--json'),
  ) as { client: { id: string; secret: string } }
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: client.id,
    client_secret: client.secret,
  })
  const granted = (await (await fetch(`${stage.url}/oauth2/token`, { method: 'POST', body: form })).json()) as {
    access_token: string
  }
  return granted.access_token
}

/** Asks until there is an answer. @throws an error that names what did not come */
export async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const endsAt = performance.now() + WAIT_MS_MAX
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (performance.now() > endsAt) throw new Error(`${what}: not within ${WAIT_MS_MAX / 1_000} s`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
