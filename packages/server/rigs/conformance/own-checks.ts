import { verify } from '@producersync/webhooks/node'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import { Webhook as Webhook2 } from 'svix'
import { Webhook as Webhook1 } from 'svix-v1'
import { fetchPatiently } from './patiently.ts'

/** A behaviour of webhook-api 17 that the rig itself checks, from outside. */
export type OwnCheck = { number: number; name: string; faults: readonly string[] }

type Api = { url: string; key: string }
type Answer = { status: number; text: string; location: string | null }

const PARALLEL = 50
const SECRET_BYTES_MIN = 24

export async function runOwnChecks(api: Api): Promise<OwnCheck[]> {
  return [
    {
      number: 3,
      name: 'each path with a trailing slash gives the same answer without a redirect',
      faults: await slashes(api),
    },
    {
      number: 6,
      name: 'a taken uid is 409, or found with get_if_exists; 50 in parallel make one application',
      faults: await uids(api),
    },
    { number: 29, name: 'the public vectors are what every package signs and takes', faults: vectors() },
  ]
}

/** An application of its own, in which nothing happens between two answers: its endpoint is disabled, and its token sees no other. */
async function slashes({ url, key }: Api): Promise<string[]> {
  const operator = { url, key }
  const endpoint = { url: 'https://example.com/', uid: 'main', disabled: true }
  for (const [path, body] of [
    ['/app', { name: 'Slashes', uid: 'slashes' }],
    ['/app/slashes/endpoint', endpoint],
    ['/app/slashes/msg', { eventType: 'slash.met', eventId: 'one', payload: {} }],
  ] as const) {
    const made = await call(operator, 'POST', path, body)
    if (made.status >= 300) return [`${path}: ${made.status} ${made.text}`]
  }
  const access = await call(operator, 'POST', '/auth/app-portal-access/slashes', {})
  const { token }: { token: string } = JSON.parse(access.text)
  const paths = [
    '/app/slashes',
    '/app/slashes/endpoint',
    '/app/slashes/endpoint/main',
    '/app/slashes/endpoint/main/headers',
    '/app/slashes/endpoint/main/secret',
    '/app/slashes/endpoint/main/msg',
    '/app/slashes/msg',
    '/app/slashes/msg/one',
    '/app/slashes/msg/one/endpoint',
    '/app/slashes/attempt/msg/one',
    '/app/slashes/attempt/endpoint/main',
    '/app/slashes/delivery',
    '/event-type',
    '/event-type/producersync.npn.activated',
    '/background-task',
    '/health/ping',
    '/app/nobody',
    '/app',
  ]
  const faults: string[] = []
  for (const path of paths) {
    const api = { url, key: token }
    const [without, with_] = [await call(api, 'GET', path), await call(api, 'GET', `${path}/`)]
    const isSame = without.status === with_.status && without.text === with_.text
    if (!isSame || with_.location !== null) faults.push(`${path}/: ${with_.status} ${with_.text}`)
  }
  return faults
}

async function uids(api: Api): Promise<string[]> {
  const faults: string[] = []
  const first = await call(api, 'POST', '/app', { name: 'First', uid: 'taken' })
  const second = await call(api, 'POST', '/app', { name: 'Second', uid: 'taken' })
  if (first.status !== 201 || second.status !== 409) faults.push(`taken: ${first.status}, ${second.status}`)
  const found = await call(api, 'POST', '/app?get_if_exists=true', { name: 'Second', uid: 'taken' })
  if (found.status !== 200 || found.text !== first.text) faults.push(`get_if_exists: ${found.status} ${found.text}`)
  const body = { name: 'Many', uid: 'many' }
  const all = await Promise.all(
    Array.from({ length: PARALLEL }, () => call(api, 'POST', '/app?get_if_exists=true', body)),
  )
  const made = all.filter(({ status }) => status === 201).length
  if (made !== 1 || new Set(all.map(({ text }) => text)).size !== 1) faults.push(`${made} of ${PARALLEL} made one`)
  return faults
}

const VECTORS = [
  {
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    seconds: 1_614_265_330,
    body: '{"test": 2432232314}',
    signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  },
  {
    secret: 'whsec_plJ3nmyCDGBKInavdOK15jsl',
    id: 'msg_loFOjxBNrRLzqYUf',
    seconds: 1_731_705_121,
    body: '{"event_type":"ping","data":{"success":true}}',
    signature: 'v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=',
  },
]

function vectors(): string[] {
  return VECTORS.flatMap(({ secret, id, seconds, body, signature }) => {
    const at = new Date(seconds * 1_000)
    const signers = {
      'svix 2': new Webhook2(secret),
      'svix 1': new Webhook1(secret),
      standardwebhooks: new StandardWebhook(secret),
    }
    const others = Object.entries(signers).flatMap(([name, signer]) => {
      const made = signer.sign(id, at, body)
      return made === signature ? [] : [`${name} signs ${made}`]
    })
    const headers = { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': signature }
    // its key of 18 bytes is shorter than ours may be (24 to 64): no endpoint of the service can have it
    if (Buffer.from(secret.slice('whsec_'.length), 'base64').length < SECRET_BYTES_MIN) return others
    return [...others, ...refusalOf(() => verify(Buffer.from(body), headers, { secrets: [secret], now: at }))]
  })
}

/** The vectors are no events of ours: past the signature, their form is refused. */
function refusalOf(check: () => unknown): string[] {
  try {
    check()
    return []
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    return code === 'invalid_event' ? [] : [`our own package: ${code}`]
  }
}

async function call({ url, key }: Api, method: string, path: string, body?: object): Promise<Answer> {
  const response = await fetchPatiently(`${url}/api/v1${path}`, {
    method,
    redirect: 'manual',
    headers: { authorization: `Bearer ${key}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  return { status: response.status, text: await response.text(), location: response.headers.get('location') }
}
