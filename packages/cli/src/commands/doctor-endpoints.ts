import { isIP } from 'node:net'
import { isJson, type Json } from '../api.ts'
import { EXIT, Failure, usageFailure } from '../failure.ts'
import type { Session } from '../session.ts'
import { path } from './endpoint-path.ts'
import type { Finding } from './findings.ts'

const CONNECT_MS_MAX = 5_000
const CERTIFICATE_DAYS_MIN = 14
const ENDPOINTS_MAX = 1_000
const DAY_MS = 86_400_000
const GOOD: readonly unknown[] = ['healthy', 'unverified']

/** Each endpoint: how it stands, its certificate, what the last signature check said, and with `send` whether the service reaches it. */
export async function endpoints(session: Session, { send }: { send?: true }): Promise<Finding[]> {
  const { api } = session
  const findings: Finding[] = []
  for await (const row of api.rows(api.underAccount('/endpoint-health'), {}, ENDPOINTS_MAX)) {
    const check = `endpoint ${String(row.uid ?? row.endpointId)}`
    const about = [judgeState(row), await certificateOf(String(row.url)), await signatureOf(session, row)]
    if (send) about.push(await reachedBy(session, row))
    findings.push(...about.flatMap((finding) => (finding ? { ...finding, check } : [])))
  }
  if (findings.length > 0) return findings
  return [{ check: 'endpoints', verdict: 'warning', says: 'there is none: events go nowhere' }]
}

type About = Omit<Finding, 'check'>

function judgeState({ state, since, url, failure, disabledReason, lastSuccessAt }: Json): About {
  const last = typeof lastSuccessAt === 'string' ? `last success ${lastSuccessAt}` : 'no success yet'
  if (GOOD.includes(state)) return { verdict: 'ok', says: `${String(state)}, ${last}: ${String(url)}` }
  const reason = isJson(failure) ? `${String(failure.title)}. ${String(failure.advice)}` : disabledReason
  const why = typeof reason === 'string' ? ` (${reason})` : ''
  return { verdict: 'warning', says: `${String(state)} since ${String(since)}${why}, ${last}: ${String(url)}` }
}

/** Of the endpoint's server as it is seen from here; nothing is said where that is not reached. */
async function certificateOf(url: string): Promise<About | undefined> {
  const { protocol, hostname, port } = new URL(url)
  if (protocol !== 'https:') return undefined
  const { connect } = await import('node:tls') // here, as in `forward.ts`
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const host = hostname.replace(/^\[|\]$/g, '')
  const name = isIP(host) === 0 ? { servername: host } : {}
  const socket = connect({ host, port: Number(port || 443), ...name, rejectUnauthorized: false })
  socket
    .setTimeout(CONNECT_MS_MAX, () => socket.destroy())
    .once('secureConnect', () => resolve(socket.getPeerCertificate().valid_to))
    .on('error', () => resolve(undefined))
    .once('close', () => resolve(undefined))
  const validTo = await promise
  socket.destroy()
  if (validTo === undefined) return undefined
  const days = Math.floor((Date.parse(validTo) - Date.now()) / DAY_MS)
  const verdict = days < 0 ? 'failed' : days < CERTIFICATE_DAYS_MIN ? 'warning' : 'ok'
  return { verdict, says: days < 0 ? `its certificate ended ${validTo}` : `its certificate is good for ${days} days` }
}

async function signatureOf({ api }: Session, { endpointId }: Json): Promise<About | undefined> {
  const { signatureCheck } = await api.object('GET', api.underAccount(path(String(endpointId))))
  if (!isJson(signatureCheck)) return undefined
  const { verdict, checkedAt } = signatureCheck
  const says = `signature check: ${String(verdict)}, ${String(checkedAt)}`
  return { verdict: verdict === 'verifies' ? 'ok' : 'warning', says }
}

async function reachedBy({ api }: Session, { endpointId }: Json): Promise<About> {
  const target = api.underAccount(`${path(String(endpointId))}/test-event`)
  const { attempt } = await api.object('POST', target, { body: { eventType: 'webhook.ping' } })
  if (!isJson(attempt)) return { verdict: 'warning', says: 'a test was not made in time' }
  if (isJson(attempt.failure)) return { verdict: 'failed', says: `a test failed: ${String(attempt.failure.title)}` }
  return { verdict: 'ok', says: `a test was answered ${String(attempt.responseStatusCode)}` }
}

/** The program that `psapi listen` would forward to. */
export async function localPort(_session: Session, { forwardTo }: { forwardTo?: string }): Promise<Finding[]> {
  if (forwardTo === undefined) return []
  if (!URL.canParse(forwardTo)) throw usageFailure(`--forward-to: ${forwardTo} is no web address.`)
  const check = 'local port'
  try {
    return [{ check, verdict: 'ok', says: `${forwardTo} answers ${await statusOf(forwardTo)} to a GET` }]
  } catch (error) {
    const code = error instanceof Error ? String(Reflect.get(error, 'code') ?? error.name) : ''
    return [{ check, verdict: 'failed', says: `${forwardTo} does not answer (${code})` }]
  }
}

async function statusOf(url: string): Promise<number> {
  const { request } = await import('node:http')
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  request(url, { signal: AbortSignal.timeout(CONNECT_MS_MAX) }, (response) => {
    resolve(response.statusCode ?? 0)
    response.destroy()
  })
    .on('error', reject)
    .end()
  return await promise
}

/** Is the day's `updates_available` there? */
export async function dailySignal({ api }: Session): Promise<Finding[]> {
  const check = 'daily signal'
  const { signal } = await api.object('GET', api.underAccount('/summary'))
  if (!isJson(signal))
    throw new Failure('The answer is not a summary.', { exit: EXIT.unavailable, code: 'unexpected_answer' })
  const { last, lateSince } = signal
  const before = isJson(last)
    ? `last for ${String(last.runDate)}, delivered to ${String(last.delivered)} of ${String(last.of)}`
    : 'none yet'
  if (typeof lateSince === 'string') return [{ check, verdict: 'warning', says: `late since ${lateSince}; ${before}` }]
  return [{ check, verdict: 'ok', says: before }]
}
