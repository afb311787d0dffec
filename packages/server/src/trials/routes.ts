import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { requesterOf } from '#src/accounts/requester.ts'
import type { Clock } from '#src/adapters/clock.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { type Idempotency, settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { memberOf } from '#src/adapters/http/scan.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { addressing, endpointOf } from '#src/attempts/addressed.ts'
import { attemptOut } from '#src/attempts/answers.ts'
import type { Attempt } from '#src/attempts/attempt.ts'
import { DomainError, notFound } from '#src/domain-error.ts'
import type { Endpoint } from '#src/endpoints/endpoint.ts'
import { exampleEvent, type Test, takePlace } from '#src/endpoints/example.ts'
import { readSecrets } from '#src/endpoints/store.ts'
import { testEvent } from '#src/endpoints/test-request.ts'
import type { NewEvent, PlannedDelivery, Signing } from '#src/events/accept.ts'
import { envelope } from '#src/events/envelope.ts'
import { sightOf } from '#src/events/event-type-store.ts'
import { objectBytes } from '#src/events/message.ts'
import type { SchemaEnforcement } from '#src/events/schema-enforcement.ts'
import { SignatureCheckOut, TestEventOut } from './answer-schemas.ts'
import { signatureCheckBody, testEventBody } from './body.ts'
import { attemptsMade } from './made.ts'
import { acceptSigned, lastRunDate, saveCheck } from './store.ts'
import { CHECKED, type Checked, verdictOf, verdictText } from './verdict.ts'

export type TrialParts = {
  api: Database
  clock: Clock
  ids: IdSource
  idempotency: Idempotency
  schemas: Pick<SchemaEnforcement, 'refuseMisfit'>
  /** `Waker.deliveries`. */
  wake: (planned: readonly PlannedDelivery[]) => void
  /** The service's own, without a slash at its end. */
  publicUrl: string
}

const TEST_MS_MAX = 6_000
/** Three requests: an endpoint that never answered 2xx gets one a second. */
const CHECK_MS_MAX = 10_000
const CHECK_TYPE = 'producersync.updates_available'
const SIGNINGS: Readonly<Record<Checked, Signing | null>> = { good: null, wrong: 'wrong', old: 'old' }

/** Tests that somebody waits for: what a receiver does with an event, and with signatures. Source: portal 2; S10, S11. */
export function registerTrialRoutes(routes: FastifyInstance, parts: TrialParts): void {
  const { api, clock, ids, idempotency, schemas, wake, publicUrl } = parts
  const send = addressing(api, 'CreateAttempts')
  const docsUrl = `${publicUrl}/docs/troubleshooting`

  const shown = (attempt: Attempt | undefined) =>
    attempt ? attemptOut(attempt, docsUrl, { expanded: true, withContent: true }) : null

  function withinOf(request: FastifyRequest) {
    return async <T>(work: (tx: Queryable) => Promise<T>): Promise<T> =>
      await api.transaction({ settings: settingsOf(request) }, work)
  }

  async function made(request: FastifyRequest, reply: FastifyReply, eventIds: readonly string[], msMax: number) {
    const { accountId } = endpointOf(request)
    const isGone = () => reply.raw.destroyed
    return await attemptsMade(withinOf(request), { accountId, eventIds }, { msMax, isGone })
  }

  const testOne = described(send, {
    id: 'v1.endpoint.test-event',
    summary: 'Send a test event to an endpoint, and wait for its answer',
    description: 'As send-example, and counted with it: also to a disabled endpoint, outside its filters, one attempt.',
    body: testEventBody,
    answers: { 200: TestEventOut },
    refusals: ['no_example', 'conflict'],
  })
  routes.post('/app/:app_id/endpoint/:endpoint_id/test-event', testOne, async (request, reply) => {
    const { eventType, secret = 'all' } = bodyOf(request, testEventBody, { raw: ['payload'] })
    const endpoint = endpointOf(request)
    const member = memberOf(request.scanned, 'payload')
    const payload = member && objectBytes(request.scanned, member)
    const test: Test = { type: eventType, index: 0, sight: sightOf(request.principal), payload }
    const kept = await idempotency.once(request, reply, async (tx) => {
      if (secret === 'previous' && (await readSecrets(tx, endpoint.accountId, endpoint.id, clock.now())).length < 2) {
        throw new DomainError('conflict', 'No former secret of the endpoint signs any more.')
      }
      const event = await exampleEvent(tx, endpoint, test, clock.now(), ids)
      if (payload) await schemas.refuseMisfit(event)
      await takePlace(tx, endpoint, clock)
      const signing = secret === 'all' ? null : secret
      const planned = await acceptSigned(tx, event, { signing, requestedBy: requesterOf(request.principal) })
      return { status: 200, answer: { msgId: event.id }, committed: () => wake(planned) }
    })
    const { msgId }: { msgId: string } = JSON.parse(kept.body.toString())
    const attempt = (await made(request, reply, [msgId], TEST_MS_MAX)).get(msgId)
    return { msgId, endpointId: endpoint.id, eventType, secret, attempt: shown(attempt) }
  })

  const check = described(send, {
    id: 'v1.endpoint.signature-check',
    summary: 'Find out whether an endpoint verifies signatures',
    description:
      'Sends a good, a wrongly signed and a 10-minute-old request, three of the ten tests a minute. The verdict is shown with the endpoint until its URL or secret changes.',
    body: signatureCheckBody,
    answers: { 200: SignatureCheckOut },
    refusals: ['no_example'],
  })
  routes.post('/app/:app_id/endpoint/:endpoint_id/signature-check', check, async (request, reply) => {
    const { eventType } = bodyOf(request, signatureCheckBody)
    const endpoint = endpointOf(request)
    const { accountId, id: endpointId, url } = endpoint
    const kept = await idempotency.once(request, reply, async (tx) => {
      const now = clock.now()
      const [current] = await readSecrets(tx, accountId, endpointId, now)
      if (!current) throw notFound() // deleted a moment ago
      const requestedBy = requesterOf(request.principal)
      const sent: Record<string, string> = {}
      const planned: PlannedDelivery[] = []
      for (const name of CHECKED) {
        const event = await checkEvent(tx, request, endpoint, eventType)
        await takePlace(tx, endpoint, clock)
        planned.push(...(await acceptSigned(tx, event, { signing: SIGNINGS[name], requestedBy })))
        sent[name] = event.id
      }
      const answer: SentCheck = { sent, url, secretId: current.id }
      return { status: 200, answer, committed: () => wake(planned) }
    })
    const { sent, ...counted }: SentCheck = JSON.parse(kept.body.toString())
    const attempts = await made(request, reply, Object.values(sent), CHECK_MS_MAX)
    const attemptOf = (name: Checked) => attempts.get(sent[name] ?? '')
    const statusOf = (name: Checked) => attemptOf(name)?.statusCode ?? 0
    const verdict = verdictOf({ good: statusOf('good'), wrong: statusOf('wrong'), old: statusOf('old') })
    const checkedAt = clock.now()
    await withinOf(request)((tx) => saveCheck(tx, endpoint, { ...counted, verdict, checkedAt }))
    const requests = CHECKED.map((name) => ({ request: name, msgId: sent[name], attempt: shown(attemptOf(name)) }))
    const failure = requests.find(({ attempt }) => attempt?.failure)?.attempt?.failure
    const text = verdictText(verdict)
    const advice = verdict === 'could_not_check' && failure ? `${failure.title}. ${failure.advice}` : text.advice
    return { endpointId, verdict, title: text.title, advice, checkedAt, requests }
  })

  /** Of no type: the day's signal again, as to repeat a pull is harmless. */
  async function checkEvent(
    tx: Queryable,
    request: FastifyRequest,
    endpoint: Endpoint,
    type: string | undefined,
  ): Promise<NewEvent> {
    const now = clock.now()
    const runDate = type === undefined ? await lastRunDate(tx, request.account) : null
    if (runDate !== null) return testEvent(endpoint, CHECK_TYPE, envelope(CHECK_TYPE, { runDate }, now, ids))
    return await exampleEvent(
      tx,
      endpoint,
      { type: type ?? CHECK_TYPE, index: 0, sight: sightOf(request.principal) },
      now,
      ids,
    )
  }
}

/** What is kept of a check for whoever repeats the request. */
type SentCheck = { sent: Record<string, string>; url: string; secretId: string }
