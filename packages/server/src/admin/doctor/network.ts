import { Resolver } from 'node:dns/promises'
import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { type AddressPolicy, checkUrl } from '#src/adapters/outgoing/address-policy.ts'
import type { Config } from '#src/config.ts'
import { type Check, failed, ok, PAGES, skipped, type Verdict, warning } from './finding.ts'

const CONNECT_MS_MAX = 5_000
const NAME_MS_MAX = 2_000
const DAY_MS = 86_400_000
const CERTIFICATE_DAYS_FEW = 14
/** One of each kind that no endpoint may have. */
const FORBIDDEN = [
  'https://127.0.0.1/',
  'https://10.0.0.1/',
  'https://192.168.0.1/',
  'https://169.254.169.254/',
  'https://[::1]/',
  'https://[fd00::1]/',
  'https://localhost/',
]

/** Whether what it has to reach can be reached, and what it must not reach is refused. @param reach  any page of the Internet */
export function networkChecks(config: Config, reach: URL): Check[] {
  return [
    { check: 'address-policy', page: PAGES.install, look: async () => addressPolicy(config) },
    { check: 'names', page: PAGES.doctor, look: () => names(reach) },
    { check: 'outgoing', page: PAGES.doctor, look: () => outgoing(reach) },
    { check: 'certificate', page: PAGES.runbook('certificate-ends'), look: () => certificate(config, new Date()) },
    { check: 'feed', page: PAGES.daily, look: () => feed(config) },
    { check: 'mail', page: PAGES.install, look: () => mail(config) },
  ]
}

export function addressPolicy({ loopbackReceivers, refusedRanges, publicUrl, feed }: Config): Verdict {
  const policy: AddressPolicy = {
    httpAllowed: false,
    loopbackReceivers: new Set(loopbackReceivers),
    refusedRanges,
    ownNames: publicUrl === null ? [] : [new URL(publicUrl).hostname],
  }
  const own = publicUrl?.startsWith('https:') ? [publicUrl] : []
  const open = [...FORBIDDEN, ...own].filter((url) => checkUrl(url, policy).ok)
  if (open.length > 0) return failed(`Endpoints could have ${open.join(', ')}.`, 'Take them out of LOOPBACK_RECEIVERS.')
  if (loopbackReceivers.length > 0 && (feed?.kind === 'nipr' || publicUrl?.startsWith('https:'))) {
    const remedy = 'Unset LOOPBACK_RECEIVERS: it is for development.'
    return warning(`Endpoints may have ${loopbackReceivers.join(', ')} on this machine.`, remedy)
  }
  return ok(`Private addresses are refused, and ${refusedRanges.length} range(s) of your own`)
}

/** Names are asked for as attempts ask: by the system's name servers, without its hosts file. */
async function names({ hostname }: URL): Promise<Verdict> {
  const bare = hostname.replace(/^\[|\]$/g, '')
  if (isIP(bare) !== 0) return skipped('--reach names an address.')
  const resolver = new Resolver({ timeout: NAME_MS_MAX, tries: 1 })
  const servers = resolver.getServers().join(', ')
  try {
    const addresses = await resolver.resolve4(hostname)
    return ok(`${hostname} is ${addresses[0]}, by ${servers}`)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    const remedy = 'Let this machine ask its name servers (UDP and TCP 53), or correct /etc/resolv.conf.'
    return failed(`${hostname} could not be looked up (${code}), asking ${servers || 'nobody'}.`, remedy)
  }
}

async function outgoing(reach: URL): Promise<Verdict> {
  const result = await reachServer(reach)
  if (result.kind === 'reached') return ok(`${reach.origin} can be reached`)
  const remedy = 'Let workers out to ports 443 and 8443 of the Internet; what they reach inside stays refused.'
  return failed(`${reach.origin} cannot be reached (${result.code}).`, remedy)
}

/** Of whatever ends TLS before the service, which itself speaks plain HTTP. */
async function certificate({ publicUrl }: Config, now: Date): Promise<Verdict> {
  if (publicUrl === null) return skipped('PUBLIC_URL is not set: nothing is served to others.')
  const url = new URL(publicUrl)
  if (url.protocol !== 'https:') {
    const remedy = 'Put a proxy with a certificate before the service, and its address into PUBLIC_URL.'
    return isOwnMachine(url) ? skipped('PUBLIC_URL is on this machine.') : warning('PUBLIC_URL is not https.', remedy)
  }
  const result = await reachServer(url)
  if (result.kind === 'failed') {
    return failed(`${url.origin} cannot be reached (${result.code}).`, 'Renew the certificate, or correct PUBLIC_URL.')
  }
  return certificateVerdict(url.origin, result.certificateEndsAt, now)
}

export function certificateVerdict(origin: string, endsAt: Date | null, now: Date): Verdict {
  if (endsAt === null) return failed(`${origin} shows no certificate.`, 'Give the proxy one.')
  const days = Math.floor((endsAt.getTime() - now.getTime()) / DAY_MS)
  if (days >= CERTIFICATE_DAYS_FEW) return ok(`The certificate of ${origin} is good for ${days} days`)
  return warning(
    `The certificate of ${origin} ends in ${days} day(s).`,
    'Renew it, and find out why that is not automatic.',
  )
}

async function feed({ feed: set }: Config): Promise<Verdict> {
  if (set === null) return skipped('NIPR_FEED is none.')
  if (set.kind === 'simulator') return skipped('NIPR_FEED is the simulator, which is a part of the service.')
  const { alertsUrl, detailsUrl } = set.nipr
  const results = await Promise.all(
    [alertsUrl, detailsUrl].map(async (url) => ({ url, result: await reachServer(url) })),
  )
  const lost = results.flatMap(({ url, result }) => (result.kind === 'failed' ? `${url.origin} (${result.code})` : []))
  if (lost.length === 0) return ok('NIPR can be reached; whether it knows the user, the next run shows')
  const remedy = 'Let this machine out to NIPR, and ask NIPR whether it expects this address.'
  return failed(`NIPR cannot be reached: ${lost.join(', ')}.`, remedy)
}

async function mail({ mail: set }: Config): Promise<Verdict> {
  if (set === null) return skipped('SMTP_URL is not set: no mail is sent.')
  const url = new URL(set.url)
  const secure = url.protocol === 'smtps:'
  const result = await reachServer(url, Number(url.port) || (secure ? 465 : 587), secure)
  if (result.kind === 'reached') return ok(`The mail server ${url.hostname} can be reached`)
  return failed(`The mail server ${url.hostname} cannot be reached (${result.code}).`, 'Correct SMTP_URL.')
}

type Reached = { kind: 'reached'; certificateEndsAt: Date | null } | { kind: 'failed'; code: string }

/** Opens a connection, its certificate verified where it has one, and closes it: nothing is sent. */
async function reachServer(url: URL, port = Number(url.port), secure = url.protocol === 'https:'): Promise<Reached> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const place = { host, port: port || (secure ? 443 : 80) }
  const socket: Socket = secure
    ? connectTls({ ...place, ...(isIP(host) === 0 ? { servername: host } : {}) })
    : connectPlain(place)
  const { promise, resolve } = Promise.withResolvers<Reached>()
  socket.setTimeout(CONNECT_MS_MAX, () => resolve({ kind: 'failed', code: 'ETIMEDOUT' }))
  socket.once('error', (error) => resolve({ kind: 'failed', code: 'code' in error ? String(error.code) : error.name }))
  socket.once(secure ? 'secureConnect' : 'connect', () =>
    resolve({ kind: 'reached', certificateEndsAt: secure ? endOf(socket as TLSSocket) : null }),
  )
  const reached = await promise
  socket.destroy()
  return reached
}

function endOf(socket: TLSSocket): Date | null {
  const { valid_to: text } = socket.getPeerCertificate()
  return text ? new Date(text) : null
}

function isOwnMachine({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname.startsWith('127.') || hostname === '[::1]'
}
