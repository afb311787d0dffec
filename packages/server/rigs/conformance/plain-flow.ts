import { setTimeout as sleep } from 'node:timers/promises'
import { fetchPatiently } from './patiently.ts'
import { runPeopleFlow } from './plain-people.ts'
import { runStandingsFlow } from './plain-standings.ts'
import type { VerifyingReceiver } from './receiver.ts'
import type { Client, Producer } from './service.ts'

type Parts = {
  /** Of a proxy. */
  url: string
  /** Where the service says it is reached: pages of that origin may use the portal's session. */
  publicUrl: string
  key: string
  receiver: VerifyingReceiver
  client: (account: string) => Promise<Client>
  producer: (accountId: string, npn: string) => Promise<Producer>
  heldRun: (accountId: string) => Promise<string>
  heldJob: (accountId: string) => Promise<string>
  claims: (operationId: string) => boolean
}
type Body = Record<string, unknown>

const APP = 'plain'
/** In every sandbox account from the start, with a record of each kind. Source: producersync-api 12. */
const NPN = '15645555'
const MISSED = 100
/** Limits for a machine that has much else to do. */
const LOOKS_MAX = 1_200
const LOOK_MS = 50
const TIMEOUT_MS = 30_000

/** What no SDK calls: additive and older operations of the management API, the token endpoint, the ProducerSync API. */
export async function runPlainFlow({
  url,
  publicUrl,
  key,
  receiver,
  client,
  producer,
  heldRun,
  heldJob,
  claims,
}: Parts): Promise<string[]> {
  const faults: string[] = []

  /** @returns the body; what is not 2xx is a fault */
  async function call(operationId: string, method: string, path: string, body?: unknown, token = key): Promise<Body> {
    if (!claims(operationId)) return {}
    const send = BUSY.has(operationId) ? untilFree : fetchPatiently
    const response = await send(`${url}${path}`, {
      method,
      headers: {
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
        ...(path.startsWith('/portal/') ? { origin: publicUrl } : {}),
        ...(body === undefined ? {} : { 'content-type': body instanceof URLSearchParams ? FORM : 'application/json' }),
      },
      ...(body === undefined ? {} : { body: body instanceof URLSearchParams ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) faults.push(`plain HTTP: ${operationId}: ${response.status} ${text}`)
    const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '')
    return text !== '' && response.ok && isJson ? toBody(JSON.parse(text)) : {}
  }

  /** Asks until the answer is what is waited for. */
  async function until(ask: () => Promise<Body>, isWanted: (body: Body) => boolean, what: string): Promise<Body> {
    for (let look = 0; look < LOOKS_MAX; look += 1) {
      const body = await ask()
      if (isWanted(body)) return body
      await sleep(LOOK_MS)
    }
    faults.push(`plain HTTP: ${what} did not come`)
    return {}
  }

  /** Opens a stream and reads what comes first; what is not one is a fault. */
  async function glance(operationId: string, path: string, token = key): Promise<void> {
    if (!claims(operationId)) return
    const done = new AbortController()
    const response = await fetch(`${url}${path}`, {
      headers: { authorization: `Bearer ${token}` },
      signal: done.signal,
    })
    const first = await response.body?.getReader().read()
    if (!response.ok || !first?.value) faults.push(`plain HTTP: ${operationId}: ${response.status} is no stream`)
    done.abort()
  }

  async function management(): Promise<void> {
    const app = `/api/v1/app/${APP}`
    await call('v1.health.get', 'GET', '/api/v1/health', undefined, '')
    await call('v1.health.ping', 'GET', '/api/v1/health/ping', undefined, '')
    await call('v1.application.create', 'POST', '/api/v1/app', { name: 'Plain', uid: APP })
    const endpoint = { url: receiver.urlOf('/plain'), uid: 'main', timeoutMs: TIMEOUT_MS, ordering: 'none' }
    await call('v1.endpoint.create', 'POST', `${app}/endpoint`, endpoint)
    const messages = [
      { eventType: 'plain.sent', eventId: 'one', payload: { n: 1 } },
      { eventType: 'plain.sent', eventId: 'one', payload: { n: 1 } },
      { eventType: 'plain.sent', payload: [] },
    ]
    await call('v1.message.create-batch', 'POST', `${app}/msg/batch`, { messages })
    const attempts = `${app}/msg/one/attempt`
    const list = await until(
      () => call('v1.message-attempt.list-of-msg', 'GET', `${attempts}?expanded_statuses=true`),
      ({ data }) => Array.isArray(data) && data.some((row) => toBody(row).status === 0),
      'a delivery',
    )
    const attempt = firstId(list.data)
    await call('v1.message-attempt.list-of-msg-by-endpoint', 'GET', `${app}/msg/one/endpoint/main/attempt`)
    await call('v1.message-attempt.get-headers', 'GET', `${attempts}/${attempt}/headers`)
    await call('v1.message-attempt.detail', 'GET', `${attempts}/${attempt}/detail`)
    await call('v1.message.timeline', 'GET', `${app}/msg/one/timeline`)
    await call('v1.delivery.list', 'GET', `${app}/delivery?state=delivered&limit=2`)
    await call('v1.delivery.count', 'GET', `${app}/delivery/count?code=2xx`)
    await call('v1.delivery.export', 'GET', `${app}/delivery/export?format=csv&q=one`)
    await call('v1.endpoint.cancel-msgs', 'POST', `${app}/endpoint/main/cancel-msgs`, { createdBefore: new Date() })
    await call('v1.message.search', 'POST', `${app}/msg/search`, { event_types: ['plain.sent'], with_content: true })
    await call('v1.authentication.whoami', 'GET', '/api/v1/auth/whoami')
    const range = `since=${new Date(Date.now() - 3_600_000).toISOString()}&until=${new Date(Date.now() - 1_000).toISOString()}`
    await call('v1.application.stats.attempts', 'GET', `${app}/stats/attempts?${range}`)
    await call('v1.stats.app-attempts', 'GET', `/api/v1/stats/app/${APP}/attempt`)
    await call('v1.endpoint.get-health', 'GET', `${app}/endpoint/main/health?bucket=FiveMinutes`)
    await call('v1.endpoint.list-health', 'GET', `${app}/endpoint-health?state=healthy`)
    await call('v1.application.summary', 'GET', `${app}/summary`)
    await call('v1.event-type.export-openapi', 'POST', '/api/v1/event-type/export/openapi', {})
    await call('v1.authentication.dashboard-access', 'POST', `/api/v1/auth/dashboard-access/${APP}`)
  }

  /** A replay that is slow enough to be stopped: what a new endpoint has missed, at one delivery a second. */
  async function tasks(): Promise<void> {
    const app = `/api/v1/app/${APP}`
    const messages = Array.from({ length: MISSED }, () => ({ eventType: 'plain.missed', payload: {} }))
    await call('v1.message.create-batch', 'POST', `${app}/msg/batch`, { messages })
    await call('v1.endpoint.create', 'POST', `${app}/endpoint`, { url: receiver.urlOf('/plain/late'), uid: 'late' })
    const wish = { since: new Date(Date.now() - 3_600_000), rate: 1 }
    const task = await call('v1.endpoint.replay-missing', 'POST', `${app}/endpoint/late/replay-missing`, wish)
    const path = `/api/v1/background-task/${String(task.id)}`
    await call('v1.background-task.pause', 'POST', `${path}/pause`)
    await call('v1.background-task.resume', 'POST', `${path}/resume`)
    await call('v1.background-task.cancel', 'POST', `${path}/cancel`)
  }

  /** What people do by hand: tests, one delivery, replays of what a filter finds, and issues. */
  async function acts(): Promise<void> {
    const app = `/api/v1/app/${APP}`
    const main = `${app}/endpoint/main`
    await call('v1.endpoint.test-event', 'POST', `${main}/test-event`, { eventType: 'webhook.ping' })
    await call('v1.endpoint.signature-check', 'POST', `${main}/signature-check`)
    const failing = { url: receiver.urlOf('/plain/fail'), uid: 'failing', retrySchedule: [3_600, 3_600] }
    await call('v1.endpoint.create', 'POST', `${app}/endpoint`, failing)
    await call('v1.message.create', 'POST', `${app}/msg`, { eventType: 'plain.sent', eventId: 'bad', payload: {} })
    const issues = await until(
      () => call('v1.issue.list', 'GET', `${app}/issue?endpoint=failing`),
      ({ data }) => Array.isArray(data) && data.length > 0,
      'an issue',
    )
    const issue = `${app}/issue/${firstId(issues.data)}`
    await call('v1.issue.get', 'GET', issue)
    await call('v1.issue.patch', 'PATCH', issue, { state: 'acknowledged', note: 'Seen' })
    await call('v1.message.sign', 'POST', `${app}/msg/bad/endpoint/failing/sign`)
    await call('v1.message-attempt.retry', 'POST', `${app}/msg/bad/endpoint/failing/retry`)
    // while an attempt is being recorded, what is planned is not there to be canceled
    const ofBoth = `${app}/msg/bad/endpoint/failing/attempt`
    await until(
      () => call('v1.message-attempt.list-of-msg-by-endpoint', 'GET', ofBoth),
      ({ data }) => Array.isArray(data) && data.length === 2,
      'a second attempt',
    )
    await call('v1.message-attempt.cancel', 'POST', `${app}/msg/bad/endpoint/failing/cancel`)
    const preview = { kind: 'bulk-replay', endpointIds: ['main'], filter: { state: ['delivered'] } }
    const { previewId } = await call('v1.replay.preview', 'POST', `${app}/replay/preview`, preview)
    await call('v1.replay.start', 'POST', `${app}/replay`, { previewId, rate: 10, order: 'newest' })
    const replays = await call('v1.replay.list', 'GET', `${app}/replay?endpoint=main`)
    await call('v1.replay.get', 'GET', `${app}/replay/${firstId(replays.data)}`)
    const channels = [{ kind: 'chat', name: 'Team', url: receiver.urlOf('/plain/chat'), rules: ['first_failure'] }]
    const rules = `${app}/notification-rules`
    const { channels: made } = await call('v1.notification-rules.set', 'PUT', rules, { channels })
    await call('v1.notification-rules.get', 'GET', rules)
    await call('v1.notification-rules.test', 'POST', `${rules}/test`, { channelId: firstId(made) })
  }

  async function portal(): Promise<void> {
    const access = `/api/v1/auth/app-portal-access/${APP}`
    const { url: login } = await call('v1.authentication.app-portal-access', 'POST', access)
    const [, linkKey] = String(login).split('#key=')
    const opened = await call('portal.session.open', 'POST', '/portal/session', { key: linkKey, embed: true }, '')
    const token = String(opened.token)
    await call('portal.session.get', 'GET', '/portal/session', undefined, token)
    await call('portal.session.extend', 'POST', '/portal/session/extend', {}, token)
    await call('portal.session.token', 'POST', '/portal/session/token', {}, token)
    await codeSignIn(token)
    await call('portal.session.close', 'DELETE', '/portal/session', {}, token)
  }

  /** What the command line does: signing in by a code, listening, reporting. */
  async function codeSignIn(token: string): Promise<void> {
    const app = `/api/v1/app/${APP}`
    const login = await call('v1.cli-login.create', 'POST', '/api/v1/cli-login', { deviceName: 'plain' }, '')
    await call('v1.cli-login.get', 'GET', `${app}/cli-login?userCode=${String(login.userCode)}`, undefined, token)
    await call('v1.cli-login.decide', 'POST', `${app}/cli-login`, { userCode: login.userCode, approve: true }, token)
    const { deviceCode } = login
    await call('v1.cli-login.token', 'POST', '/api/v1/cli-login/token', { deviceCode }, '')
  }

  async function listening(): Promise<void> {
    const app = `/api/v1/app/${APP}`
    await glance('v1.live.stream', `${app}/live?topics=delivery`)
    const session = await call('v1.cli-session.create', 'POST', `${app}/cli-session`, {
      device: 'a device of the plain flow',
    })
    const path = `${app}/cli-session/${String(session.id)}`
    await glance('v1.cli-session.stream', `${path}/stream`)
    const { id: eventId } = await call('v1.cli-session.test-event', 'POST', `${path}/test-event`, {
      eventType: 'webhook.ping',
    })
    const result = { eventId, responseStatusCode: 204, durationMs: 1 }
    await call('v1.cli-session.result.create', 'POST', `${path}/result`, result)
    await call('v1.cli-session.result.list', 'GET', `${path}/result`)
    await call('v1.cli-session.list', 'GET', `${app}/cli-session`)
    await call('v1.cli-session.get', 'GET', path)
    await call('v1.cli-session.delete', 'DELETE', path)
  }

  async function producersync(): Promise<void> {
    const { id, secret } = await client(APP)
    const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: id, client_secret: secret })
    const granted = await call('oauth2.token.create', 'POST', '/oauth2/token', form, '')
    const token = String(granted.access_token)
    const subscriptions = '/v1/accounts/subscriptions'
    await call('v1.subscriptions.add', 'PUT', subscriptions, ['912484758', '00123'], token)
    await call('v1.subscriptions.remove', 'DELETE', subscriptions, ['912484758'], token)
    const job = await call('v1.subscriptions.replace', 'POST', subscriptions, ['15645555'], token)
    const status = `${subscriptions}/status/${String(job.job_id)}`
    await until(
      () => call('v1.subscriptions.get-job', 'GET', status, undefined, token),
      ({ state }) => state === 'succeeded',
      'the end of a job',
    )
    await call('v1.subscriptions.list-job-items', 'GET', `${status}/details?size=1`, undefined, token)
    await call('v1.subscriptions.list', 'GET', `${subscriptions}?size=1`, undefined, token)
    await call('v1.settings.patch', 'PATCH', '/v1/accounts/settings', { autoSubscribe: true }, token)
    await call('v1.settings.get', 'GET', '/v1/accounts/settings', undefined, token)
    const { id: accountId } = await call('v1.application.get', 'GET', `/api/v1/app/${APP}`)
    const records = await producer(String(accountId), NPN)
    for (const [operationId, path] of readsOf(records)) await call(operationId, 'GET', path, undefined, token)
    await runs(String(accountId), token)
    await population(String(accountId))
  }

  /** What people see of the population and the runs, and how they change it. */
  async function population(accountId: string): Promise<void> {
    const app = `/api/v1/app/${APP}`
    const people = `${app}/population`
    await call('v1.population.export', 'GET', `${people}/export`)
    await call('v1.population.list', 'GET', `${people}?q=${NPN.slice(0, 3)}`)
    await call('v1.population.get', 'GET', `${people}/${NPN}`)
    const preview = await call('v1.population.preview', 'POST', `${people}/preview?mode=add`, ['912484758', '00123'])
    const path = `${people}/preview/${String(preview.id)}`
    await call('v1.population.list-preview-rows', 'GET', `${path}?part=invalid`)
    await call('v1.population.export-preview', 'GET', `${path}/csv`)
    const job = await call('v1.population.change', 'POST', `${people}/change`, { previewId: preview.id })
    const status = `${people}/job/${String(job.id)}`
    const hasEnded = ({ finishedAt }: Body) => finishedAt !== null
    await until(() => call('v1.population-job.get', 'GET', status), hasEnded, 'the end of a change')
    await call('v1.population-job.list', 'GET', `${people}/job`)
    await call('v1.population-job.list-items', 'GET', `${status}/item?outcome=added`)
    await call('v1.population-job.export', 'GET', `${status}/csv`)
    await call('v1.population-job.opposite', 'POST', `${status}/opposite`)
    await call('v1.population-job.cancel', 'POST', `${people}/job/${await heldJob(accountId)}/cancel`)
    const { data } = await call('v1.run-day.list', 'GET', `${app}/run`)
    const [day]: unknown[] = Array.isArray(data) ? data : []
    await call('v1.run-day.get', 'GET', `${app}/run/${String(toBody(day).runDate)}`)
  }

  /** The calls of producersync-api 13. */
  async function runs(feedId: string, token: string): Promise<void> {
    const { now } = await call('v1.sandbox.clock', 'GET', '/v1/sandbox/clock', undefined, token)
    const later = new Date(Date.parse(String(now)) + 1_000).toISOString()
    await call('v1.sandbox.set-clock', 'PUT', '/v1/sandbox/clock', { now: later }, token)
    const played = await call('v1.sandbox.run', 'POST', '/v1/sandbox/runs', {}, token)
    const ended = ({ state }: Body) => ['published', 'no_report', 'failed'].includes(String(state))
    const run = `/v1/runs/${String(played.run_id)}`
    await until(() => call('v1.runs.get', 'GET', run, undefined, token), ended, 'the end of a run')
    await call('v1.runs.list', 'GET', '/v1/runs?size=1', undefined, token)

    const admin = '/v1/admin/runs'
    await call('v1.admin-runs.list', 'GET', `${admin}?feedId=${feedId}`)
    await call('v1.admin-runs.errors', 'GET', `${admin}/${String(played.run_id)}/errors`)
    await call('v1.admin-runs.announcements', 'GET', `${admin}/${String(played.run_id)}/announcements`)
    const again = await call('v1.admin-runs.start', 'POST', admin, { feedId })
    const started = `${admin}/${String(again.run_id)}`
    await until(() => call('v1.admin-runs.get', 'GET', started), ended, 'the end of an operator’s run')
    await call('v1.admin-runs.cancel', 'POST', `${admin}/${await heldRun(feedId)}/cancel`)
    await call('v1.admin-runs.release', 'POST', `${admin}/${await heldRun(feedId)}/release`)
  }

  await management()
  await tasks()
  await listening()
  await acts()
  await runStandingsFlow({ call, until, receiver })
  await runPeopleFlow(call, APP)
  await portal()
  await producersync()
  return faults
}

/** Operations 7 to 31 of producersync-api 5. */
function readsOf(records: Producer): [string, string][] {
  const collections: [tag: string, name: string, byNpn: boolean, id: number | null][] = [
    ['addresses', 'addresses', true, records.address.id],
    ['appointments', 'appointments', true, records.appointment.id],
    ['contact-infos', 'contactInfos', true, records.contact_info.id],
    ['entities', 'entities', false, null],
    ['licenses', 'licenses', true, records.license.id],
    ['license-loas', 'licenseLoas', false, records.license_loa.id],
    ['other-names', 'otherNames', true, records.other_name.id],
    ['regulatory-actions', 'regulatoryActions', true, records.regulatory_action.id],
  ]
  const of = (tag: string, name: string, byNpn: boolean, id: number | null): [string, string][] => [
    [`v2.${tag}.list`, `/v2/${name}?size=10`],
    ...(byNpn ? [[`v2.${tag}.list-by-npn`, `/v2/entities/${NPN}/${name}`] as [string, string]] : []),
    ...(id === null ? [] : [[`v1.${tag}.get`, `/v1/${name}/${id}`] as [string, string]]),
  ]
  const { regulatory_action: action, regulatory_action_value: value } = records
  return [
    ...collections.flatMap((collection) => of(...collection)),
    ['v2.entities.get', `/v2/entities/${NPN}`],
    ['v2.license-loas.list-by-license', `/v2/licenses/${records.license.id}/licenseLoas`],
    ['v2.regulatory-action-values.list-by-action', `/v2/regulatoryActions/${action.id}/regulatoryActionValues`],
    ['v1.regulatory-action-values.get', `/v1/regulatoryActionValues/${value.id}`],
  ]
}

/** What is refused while a run is in progress: one of the feed's calendar may be, and ends by itself. */
const BUSY: ReadonlySet<string> = new Set(['v1.sandbox.run', 'v1.admin-runs.start'])

async function untilFree(url: string, request: RequestInit): Promise<Response> {
  for (let look = 1; ; look += 1) {
    const response = await fetchPatiently(url, request)
    if (response.status !== 409 || look === LOOKS_MAX) return response
    await response.body?.cancel()
    await sleep(LOOK_MS)
  }
}

const FORM = 'application/x-www-form-urlencoded'

function toBody(value: unknown): Body {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function firstId(rows: unknown): string {
  const [first]: unknown[] = Array.isArray(rows) ? rows : []
  return String(toBody(first).id)
}
