import type { Stage } from './stage.ts'

/** Strings that a careless page would run, or take for something else. Source: portal G18 */
export const HOSTILE = [
  '<script>window.pwned=1</script>',
  '<img src=x onerror="window.pwned=2">',
  '<svg/onload=window.pwned=3>',
  '"><script>window.pwned=4</script>',
  "'-window.pwned--'",
  'javascript:window.pwned=5',
  '<iframe srcdoc="<script>parent.pwned=6</script>">',
  '<a href="javascript:window.pwned=7">x</a>',
  '<style>*{display:none}</style>',
  '<base href="https://evil.example/">',
  '<meta http-equiv="refresh" content="0;url=https://evil.example/">',
  '<form action="https://evil.example/"><button>x</button></form>',
  '{{constructor.constructor("window.pwned=8")()}}',
  '\u0024{window.pwned=9}',
  '</title><script>window.pwned=10</script>',
  '</textarea><script>window.pwned=11</script>',
  '<math><mtext></form><form><mglyph><style></math><img src onerror=window.pwned=12>',
  '<object data="data:text/html,<script>parent.pwned=13</script>">',
  '<link rel=stylesheet href="https://evil.example/x.css">',
  '<video><source onerror="window.pwned=14"></video>',
  '<details open ontoggle=window.pwned=15>',
  '<input autofocus onfocus=window.pwned=16>',
  '\u202Eright to left\u202C',
  'null\u2028line\u2029separators',
  '__proto__',
  '=HYPERLINK("https://evil.example","x")',
  '+1+1',
  '@SUM(1,1)',
  '%3Cscript%3Ewindow.pwned=17%3C/script%3E',
  '&lt;script&gt;window.pwned=18&lt;/script&gt;',
]

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
  /** Of a command line that waits to be let in. */
  userCode: string
}

const WAIT_MS_MAX = 30_000
const NPNS = ['912484758', '912484759', '912484760']

/** Fills an account: endpoints in several states, producers, events with attempts, an issue. */
export async function fillWorld(stage: Stage, disabledName = HOSTILE[1]): Promise<World> {
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
  const disabled = await make(2, { description: disabledName, disabled: true })

  const type = { name: 'test.happened', description: HOSTILE[0] }
  await stage.ok('POST', '/api/v1/event-type', type, { token: stage.keys.sandbox })
  const npns = await addProducers(stage, account)
  await stage.receiver(1).until(() => stage.receiver(1).requests.length > NPNS.length)
  stage.receiver(1).answer((response) => response.writeHead(503, { 'content-type': 'text/html' }).end(BUSY_PAGE))
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
  const { userCode } = await startCliLogin(stage)
  return { account, healthy, failing, disabled, event, attempts, hostileEvent, npns, userCode }
}

const BUSY_PAGE = `<!doctype html><title>Sign in</title><h1>Please sign in</h1><form action="/login"><input type="password"></form>${HOSTILE[1]}`

/** As a command line asks: without any key. */
export async function startCliLogin(stage: Stage): Promise<{ deviceCode: string; userCode: string }> {
  const asked = await stage.ok('POST', '/api/v1/cli-login', { deviceName: 'ada’s laptop' }, ANONYMOUS)
  return asked as { deviceCode: string; userCode: string }
}

export const ANONYMOUS = { headers: { authorization: '' } } as const

/** Each tells of itself when it joins, and a daily run once for all. */
async function addProducers(stage: Stage, account: string): Promise<readonly string[]> {
  const token = await clientToken(stage, account)
  await stage.ok('PUT', '/v1/accounts/subscriptions', NPNS, { token })
  await stage.ok('POST', '/v1/sandbox/runs', {}, { token })
  return NPNS
}

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
