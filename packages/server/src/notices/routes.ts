import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { DataKeys } from '#src/accounts/encryption.ts'
import type { Environment } from '#src/accounts/principal.ts'
import { RateLimiter } from '#src/accounts/rate-limit.ts'
import type { Clock } from '#src/adapters/clock.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { type Idempotency, settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError, notFound } from '#src/domain-error.ts'
import { listEndpoints } from '#src/endpoints/store.ts'
import { type Checked, changedChannels } from './change.ts'
import type { Channel } from './channel.ts'
import { listChannels, lockRules, readFailureRate, saveChannels, saveFailureRate } from './channel-store.ts'
import type { FailureRate } from './rules.ts'
import { sampleNotices } from './samples.ts'
import {
  NotificationPreviewOut,
  NotificationRulesOut,
  NotificationTestOut,
  notificationRulesBody,
  notificationTestBody,
} from './schemas.ts'
import { addNotice, readSent } from './store.ts'
import { wordsOf } from './words.ts'

export type NoticeRouteParts = {
  api: Database
  clock: Clock
  ids: IdSource
  dataKeys: DataKeys
  idempotency: Idempotency
  checkTarget: (url: string, environment: Environment) => Promise<Checked>
  sendsMail: boolean
  /** `NoticeRunner.wake`, where this process has one. */
  wakeNotices: () => void
  /** The service's own, without a slash at its end. */
  publicUrl: string
}

const TESTS_PER_MINUTE = 10
const TEST_MS_MAX = 8_000
const LOOK_MS = 50

/** Who is told what is wrong, and how. Source: portal 2, S13. */
export function registerNoticeRoutes(routes: FastifyInstance, parts: NoticeRouteParts): void {
  const { api, clock, ids, dataKeys, idempotency, checkTarget, sendsMail, wakeNotices, publicUrl } = parts

  async function within<T>(request: FastifyRequest, work: (tx: Queryable) => Promise<T>): Promise<T> {
    return await api.transaction({ settings: settingsOf(request) }, work)
  }

  const get = described(
    { config: { access: 'ViewBase' } },
    {
      id: 'v1.notification-rules.get',
      summary: 'Read who is told what is wrong',
      answers: { 200: NotificationRulesOut },
    },
  )
  routes.get('/app/:app_id/notification-rules', get, async (request) => {
    const { id } = request.account
    return await within(request, async (tx) => {
      const key = await dataKeys.read(tx, id)
      return rulesOut(await listChannels(tx, id, key), await readFailureRate(tx, id), sendsMail)
    })
  })

  const put = described(
    { config: { access: 'ManageEndpoint' } },
    {
      id: 'v1.notification-rules.set',
      summary: 'Say who is told what is wrong',
      description: 'Replaces the whole. What was wrong before a channel was made, it is not told.',
      body: notificationRulesBody,
      answers: { 200: NotificationRulesOut },
    },
  )
  routes.put('/app/:app_id/notification-rules', put, async (request) => {
    const body = bodyOf(request, notificationRulesBody)
    const { id, environment } = request.account
    // names are looked up before the transaction: nobody waits for them in it
    const checked = new Map<string, Checked>()
    for (const { url } of body.channels) if (url !== undefined) checked.set(url, await checkTarget(url, environment))
    return await within(request, async (tx) => {
      await lockRules(tx, id)
      const key = await dataKeys.read(tx, id)
      const now = clock.now()
      const before = await listChannels(tx, id, key)
      const changing = { ids, now, checked, sendsMail }
      const { channels, made } = changedChannels(body.channels, before, request.account, changing)
      await saveChannels(tx, id, channels, key, now)
      if (body.failureRate) await saveFailureRate(tx, id, body.failureRate)
      return rulesOut(channels, await readFailureRate(tx, id), sendsMail, made)
    })
  })

  const preview = described(
    { config: { access: 'ViewBase' } },
    {
      id: 'v1.notification-rules.preview',
      summary: 'Read what notices are like, without sending any',
      answers: { 200: NotificationPreviewOut },
    },
  )
  routes.get('/app/:app_id/notification-rules/preview', preview, async (request) => {
    const { id } = request.account
    const newest = { limit: 1, above: null, below: null, read: 'descending', show: 'descending' } as const
    const [endpoint] = await within(request, (tx) => listEndpoints(tx, id, newest))
    return { data: sampleNotices(endpoint, `${publicUrl}/portal/a/${id}`, clock.now()) }
  })

  const test = described(
    { config: { access: 'ManageEndpoint' } },
    {
      id: 'v1.notification-rules.test',
      summary: 'Send a notice to a channel, to see whether it comes',
      description: 'At most ten a minute. Waits for 8 s at most; also to a channel that is not enabled.',
      body: notificationTestBody,
      answers: { 200: NotificationTestOut },
    },
  )
  routes.post('/app/:app_id/notification-rules/test', test, async (request, reply) => {
    const { channelId } = bodyOf(request, notificationTestBody)
    const { id: accountId } = request.account
    const kept = await idempotency.once(request, reply, async (tx) => {
      const channels = await listChannels(tx, accountId, await dataKeys.read(tx, accountId))
      if (!channels.some(({ id }) => id === channelId)) throw notFound()
      await takePlace(tx, accountId)
      const now = clock.now()
      const subject = `test:${ids.next(now).ksuid}`
      const noticeId = await addNotice(tx, { accountId, channelId, subject, details: { rule: 'test' } }, ids, now)
      return { status: 200, answer: { noticeId }, committed: wakeNotices }
    })
    const { noticeId }: { noticeId: string } = JSON.parse(kept.body.toString())
    const tried = await sentWithin(request, reply, noticeId)
    const { subject, text } = wordsOf({ rule: 'test' }, `${publicUrl}/portal/a/${accountId}`)
    const failure = tried ? tried.failure : 'It has not been tried yet.'
    return { sent: failure === null, failure, preview: { subject, text } }
  })

  async function takePlace(tx: Queryable, accountId: string): Promise<void> {
    const window = await new RateLimiter(tx, clock).take(`notice ${accountId}`, TESTS_PER_MINUTE)
    if (window.allowed) return
    throw new DomainError('rate_limited', `At most ${TESTS_PER_MINUTE} notices a minute are sent as tests.`, {
      retryAfterSeconds: window.resetSeconds,
    })
  }

  async function sentWithin(request: FastifyRequest, reply: FastifyReply, noticeId: string) {
    const until = performance.now() + TEST_MS_MAX
    for (;;) {
      const sent = await within(request, (tx) => readSent(tx, request.account.id, noticeId))
      if (sent || reply.raw.destroyed || performance.now() >= until) return sent
      await wait(LOOK_MS)
    }
  }
}

/** NotificationRulesOut. @param made  ids of the channels whose secrets are shown: they have just been made */
function rulesOut(
  channels: readonly Channel[],
  failureRate: FailureRate,
  mailAvailable: boolean,
  made: ReadonlySet<string> = new Set(),
) {
  return {
    channels: channels.map(({ id, kind, name, target, secret, rules, resolved, enabled, lastSentAt, lastFailure }) => ({
      ...{ id, kind, name, to: kind === 'mail' ? target : new URL(target).origin, rules, resolved, enabled },
      ...(secret !== null && made.has(id) ? { secret } : {}),
      ...{ lastSentAt, lastFailure },
    })),
    failureRate,
    mailAvailable,
  }
}
