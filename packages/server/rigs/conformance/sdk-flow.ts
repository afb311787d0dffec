import { setTimeout as sleep } from 'node:timers/promises'
import type { VerifyingReceiver } from './receiver.ts'
import type { Sdk, Svix } from './sdks.ts'

export type FlowParts = {
  sdk: Sdk
  token: string
  serverUrl: string
  receiver: VerifyingReceiver
  /** Is it an operation that the service has? By its id, `v1.endpoint.recover`. */
  claims: (operationId: string) => boolean
}

/** What a customer's back end does, through one SDK: every operation that the SDK and the service both have. */
export async function runSdkFlow(parts: FlowParts): Promise<string[]> {
  const flow = new SdkFlow(parts)
  await flow.run()
  return flow.faults
}

/** For a machine that has much else to do. */
const SETTLED_MS_MAX = 60_000
const LOOK_MS = 50

function isDelivered({ responseStatusCode: code }: { responseStatusCode: number }): boolean {
  return code === 204
}

class SdkFlow {
  readonly faults: string[] = []
  readonly #parts: FlowParts
  readonly #svix: Svix
  /** Names of its own, so that flows of two SDKs can run on one service. */
  readonly #name: string
  readonly #path: string

  constructor(parts: FlowParts) {
    this.#parts = parts
    this.#svix = parts.sdk.open(parts.token, parts.serverUrl)
    this.#name = `flow-${parts.sdk.version.replaceAll('.', '-')}`
    this.#path = `/${this.#name}`
  }

  async run(): Promise<void> {
    const steps = [
      () => this.#eventTypes(),
      () => this.#applications(),
      () => this.#endpoints(),
      () => this.#messages(),
      () => this.#attempts(),
      () => this.#replays(),
      () => this.#access(),
      () => this.#statistics(),
      () => this.#operationalEndpoints(),
      () => this.#erasure(),
      () => this.#farewell(),
    ]
    for (const step of steps) {
      try {
        await step()
      } catch (error) {
        this.faults.push(
          `${this.#parts.sdk.name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        )
      }
    }
  }

  /** Runs a call of an operation that the service has; a refusal is a fault, and the flow goes on. */
  async #call<T>(operationId: string, call: () => Promise<T>): Promise<T | undefined> {
    if (!this.#parts.claims(operationId)) return undefined
    try {
      return await call()
    } catch (error) {
      this.faults.push(`${this.#parts.sdk.name}: ${operationId}: ${String(error)}`)
      return undefined
    }
  }

  #expect(is: boolean, what: string): void {
    if (!is) this.faults.push(`${this.#parts.sdk.name}: ${what}`)
  }

  async #eventTypes(): Promise<void> {
    const { eventType, health } = this.#svix
    const name = `${this.#name}.happened`
    await this.#call('v1.health.get', () => health.get())
    const made = await this.#call('v1.event-type.create', () =>
      eventType.create({ name, description: 'Something happened', groupName: this.#name }),
    )
    this.#expect(made?.name === name, 'the event type made is the one answered')
    await this.#call('v1.event-type.list', () => eventType.list({ limit: 5, includeArchived: true, withContent: true }))
    await this.#call('v1.event-type.get', () => eventType.get(name))
    const body = { description: 'It happened', schemas: { '1': { type: 'object', examples: [{ n: 1 }] } } }
    await this.#call('v1.event-type.upsert', () =>
      'upsert' in eventType ? eventType.upsert(name, body) : eventType.update(name, body),
    )
    const patched = await this.#call('v1.event-type.patch', () => eventType.patch(name, { deprecated: true }))
    this.#expect(patched?.deprecated === true, 'a patch of an event type changes it')
    const imported = { [`${this.#name}.imported`]: { post: { description: 'Imported' } } }
    const spec = { openapi: '3.1.0', info: { title: 'Events', version: '1' }, paths: {}, webhooks: imported }
    await this.#call('v1.event-type.import-openapi', () => eventType.importOpenapi({ spec }))
  }

  async #applications(): Promise<void> {
    const { application } = this.#svix
    const uid = this.#name
    const made = await this.#call('v1.application.create', () =>
      application.create({ name: 'Flow', uid, metadata: { a: 'b' } }),
    )
    const again = await this.#call('v1.application.create', () => application.getOrCreate({ name: 'Other', uid }))
    this.#expect(made !== undefined && made.id === again?.id, 'getOrCreate finds what exists')
    await this.#call('v1.application.list', () => application.list({ limit: 250 }))
    const read = await this.#call('v1.application.get', () => application.get(uid))
    this.#expect(read?.metadata?.a === 'b', 'metadata come back')
    const body = { name: 'Renamed', uid }
    await this.#call('v1.application.upsert', () =>
      'upsert' in application ? application.upsert(uid, body) : application.update(uid, body),
    )
    const patched = await this.#call('v1.application.patch', () => application.patch(uid, { name: 'Patched' }))
    this.#expect(
      patched?.name === 'Patched' && patched.createdAt instanceof Date,
      'a patch of an application changes it',
    )
  }

  async #endpoints(): Promise<void> {
    const { endpoint } = this.#svix
    const { receiver } = this.#parts
    const app = this.#name
    const url = receiver.urlOf(this.#path)
    const made = await this.#call('v1.endpoint.create', () => endpoint.create(app, { url, uid: 'main', metadata: {} }))
    this.#expect(made?.uid === 'main' && made.url === url, 'an endpoint is answered as it was made')
    await endpoint.create(app, { url: receiver.urlOf(`${this.#path}/fail`), uid: 'failing' })
    await this.#call('v1.endpoint.list', () => endpoint.list(app, { limit: 10 }))
    await this.#call('v1.endpoint.get', () => endpoint.get(app, 'main'))
    const body = { url, uid: 'main', description: 'Put' }
    await this.#call('v1.endpoint.upsert', () =>
      'upsert' in endpoint ? endpoint.upsert(app, 'main', body) : endpoint.update(app, 'main', body),
    )
    const patched = await this.#call('v1.endpoint.patch', () => endpoint.patch(app, 'main', { description: 'Patched' }))
    this.#expect(patched?.description === 'Patched' && patched.url === url, 'a patch leaves what it does not name')
    const headers = { headers: { 'x-flow': 'one', Authorization: 'secret' } }
    await this.#call('v1.endpoint.set-headers', () =>
      'setHeaders' in endpoint
        ? endpoint.setHeaders(app, 'main', headers)
        : endpoint.updateHeaders(app, 'main', headers),
    )
    await this.#call('v1.endpoint.patch-headers', () =>
      endpoint.patchHeaders(app, 'main', { headers: { 'x-more': 'two' } }),
    )
    const shown = await this.#call('v1.endpoint.get-headers', () => endpoint.getHeaders(app, 'main'))
    this.#expect(shown?.headers['x-more'] === 'two' && shown.sensitive.includes('Authorization'), 'headers come back')
    receiver.trust(this.#path, (await endpoint.getSecret(app, 'main')).key)
    await this.#call('v1.endpoint.rotate-secret', () => endpoint.rotateSecret(app, 'main', {}))
    const secret = await this.#call('v1.endpoint.get-secret', () => endpoint.getSecret(app, 'main'))
    if (secret) receiver.trust(this.#path, secret.key)
  }

  async #messages(): Promise<void> {
    const { message } = this.#svix
    const app = this.#name
    const eventType = `${this.#name}.happened`
    const check = await this.#call('v1.message.precheck', () => message.precheck(app, { eventType }))
    this.#expect(check === undefined || check.active, 'an endpoint would get the message')
    const payload = { text: 'ünïcödé', deep: [{ n: 1.5 }] }
    const made = await this.#call('v1.message.create', () =>
      message.create(app, { eventType, payload, eventId: 'first', tags: ['t'] }, { withContent: true }),
    )
    this.#expect(JSON.stringify(made?.payload) === JSON.stringify(payload), 'a message is answered with its payload')
    await message.create(app, { eventType, payload: { n: 2 }, eventId: 'second' })
    await this.#call('v1.message.list', () =>
      message.list(app, { eventTypes: [eventType], tag: 't', withContent: false }),
    )
    const read = await this.#call('v1.message.get', () => message.get(app, 'first', { withContent: true }))
    this.#expect(read?.id === made?.id && read?.timestamp instanceof Date, 'an eventId names its message')
  }

  async #attempts(): Promise<void> {
    const { messageAttempt, endpoint } = this.#svix
    const app = this.#name
    const byMessage = await this.#call('v1.message-attempt.list-by-msg', () =>
      this.#until(
        () => messageAttempt.listByMsg(app, 'first', { limit: 10 }),
        ({ data }) => data.some(isDelivered),
      ),
    )
    const sent = byMessage?.data.find(isDelivered)
    this.#expect(sent !== undefined, 'the message was delivered')
    await this.#call('v1.message-attempt.list-by-endpoint', () =>
      messageAttempt.listByEndpoint(app, 'main', { status: 0, withMsg: true, eventTypes: [`${this.#name}.happened`] }),
    )
    await this.#call('v1.message-attempt.list-attempted-messages', () =>
      messageAttempt.listAttemptedMessages(app, 'main'),
    )
    await this.#call('v1.message-attempt.list-attempted-destinations', () =>
      messageAttempt.listAttemptedDestinations(app, 'first'),
    )
    if (!sent) return
    const read = await this.#call('v1.message-attempt.get', () => messageAttempt.get(app, 'first', sent.id))
    this.#expect(read?.id === sent.id && read.statusText === 'success', 'an attempt is found by its id')
    // both messages are there, so that whatever comes from now on was asked for
    await this.#until(
      () => messageAttempt.listByMsg(app, 'second', { limit: 10 }),
      ({ data }) => data.some(isDelivered),
    )
    const before = this.#parts.receiver.deliveriesTo(this.#path)
    await this.#call('v1.message-attempt.resend', () => messageAttempt.resend(app, 'first', 'main'))
    await this.#until(
      async () => this.#parts.receiver.deliveriesTo(this.#path),
      (count) => count > before,
    )
    await this.#call('v1.endpoint.send-example', () =>
      endpoint.sendExample(app, 'main', { eventType: 'producersync.npn.activated' }),
    )
    await this.#until(
      async () => this.#parts.receiver.deliveriesTo(this.#path),
      (count) => count > before + 1,
    )
    await this.#call('v1.endpoint.get-stats', () =>
      this.#until(
        () => endpoint.getStats(app, 'main'),
        ({ success }) => success >= 3,
      ),
    )
    await this.#call('v1.message-attempt.expunge-content', () => messageAttempt.expungeContent(app, 'first', sent.id))
  }

  async #replays(): Promise<void> {
    const { endpoint, backgroundTask } = this.#svix
    const app = this.#name
    const since = new Date(Date.now() - 3_600_000)
    const calls = {
      'v1.endpoint.recover': () => endpoint.recover(app, 'failing', { since }),
      'v1.endpoint.replay-missing': () => endpoint.replayMissing(app, 'main', { since }),
      'v1.endpoint.bulk-replay': () => endpoint.bulkReplay(app, 'main', { since }),
    }
    for (const [operationId, call] of Object.entries(calls)) {
      const started = await this.#call(operationId, call)
      if (!started) continue
      const ended = await this.#call('v1.background-task.get', () =>
        this.#until(
          () => backgroundTask.get(started.id),
          ({ status }) => status !== 'running',
        ),
      )
      this.#expect(ended?.status === 'finished', `${operationId} ends as finished`)
    }
    await this.#call('v1.background-task.list', () => backgroundTask.list({ limit: 10 }))
  }

  async #access(): Promise<void> {
    const { authentication } = this.#svix
    const app = this.#name
    if ('dashboardAccess' in authentication) {
      await this.#call('v1.authentication.dashboard-access', () => authentication.dashboardAccess(app))
    }
    const granted = await this.#call('v1.authentication.app-portal-access', () =>
      authentication.appPortalAccess(app, { readOnly: true, sessionId: 'one', expiry: 3_600 }),
    )
    if (!granted) return
    const guest = this.#parts.sdk.open(granted.token, this.#parts.serverUrl)
    const seen = await guest.endpoint.list(app)
    this.#expect(seen.data.length === 2, 'a token of the portal sees its application')
    await this.#call('v1.authentication.logout', () => guest.authentication.logout())
    await this.#call('v1.authentication.expire-all', () => authentication.expireAll(app, { sessionIds: ['one'] }))
  }

  async #statistics(): Promise<void> {
    const { statistics } = this.#svix
    const since = new Date(Date.now() - 3_600_000)
    await this.#call('v1.statistics.aggregate-app-stats', () =>
      statistics.aggregateAppStats({ since, until: new Date(), appIds: [this.#name] }),
    )
    await this.#call('v1.statistics.aggregate-event-types', () => statistics.aggregateEventTypes())
  }

  async #operationalEndpoints(): Promise<void> {
    if (!this.#parts.claims('v1.operational-webhook.endpoint.create')) return
    const { endpoint: operational } = this.#svix.operationalWebhook
    const path = `${this.#path}/operational`
    const { receiver } = this.#parts
    const url = receiver.urlOf(path)
    const uid = `${this.#name}-operational`
    await this.#call('v1.operational-webhook.endpoint.create', () => operational.create({ url, uid, metadata: {} }))
    await this.#call('v1.operational-webhook.endpoint.list', () => operational.list({ limit: 10 }))
    await this.#call('v1.operational-webhook.endpoint.get', () => operational.get(uid))
    const body = { url, uid, description: 'Put' }
    await this.#call('v1.operational-webhook.endpoint.upsert', () =>
      'upsert' in operational ? operational.upsert(uid, body) : operational.update(uid, body),
    )
    const headers = { headers: { 'x-flow': 'one' } }
    await this.#call('v1.operational-webhook.endpoint.set-headers', () =>
      'setHeaders' in operational ? operational.setHeaders(uid, headers) : operational.updateHeaders(uid, headers),
    )
    await this.#call('v1.operational-webhook.endpoint.get-headers', () => operational.getHeaders(uid))
    receiver.trust(path, (await operational.getSecret(uid)).key)
    await this.#call('v1.operational-webhook.endpoint.rotate-secret', () => operational.rotateSecret(uid, {}))
    const secret = await this.#call('v1.operational-webhook.endpoint.get-secret', () => operational.getSecret(uid))
    if (secret) receiver.trust(path, secret.key)
    await this.#svix.endpoint.patch(this.#name, 'main', { description: 'Seen by operators' })
    await this.#until(
      async () => receiver.deliveriesTo(path),
      (count) => count > 0,
    )
    await this.#call('v1.operational-webhook.endpoint.delete', () => operational.delete(uid))
  }

  async #erasure(): Promise<void> {
    const { message } = this.#svix
    const app = this.#name
    await this.#call('v1.message.expunge-content', () => message.expungeContent(app, 'first'))
    if ('bulkExpungeContent' in message) {
      await this.#call('v1.message.bulk-expunge-content', () => message.bulkExpungeContent(app, { ids: ['second'] }))
    }
    await this.#call('v1.message.expunge-all-contents', () => message.expungeAllContents(app))
  }

  async #farewell(): Promise<void> {
    const { endpoint, eventType, application } = this.#svix
    await this.#call('v1.endpoint.delete', () => endpoint.delete(this.#name, 'main'))
    await this.#call('v1.event-type.delete', () => eventType.delete(`${this.#name}.happened`, { expunge: true }))
    await this.#call('v1.application.delete', () => application.delete(this.#name))
  }

  async #until<T>(look: () => Promise<T>, isWanted: (seen: T) => boolean): Promise<T> {
    const lateAt = performance.now() + SETTLED_MS_MAX
    for (;;) {
      const seen = await look()
      if (isWanted(seen)) return seen
      if (performance.now() > lateAt) throw new Error(`not seen within ${SETTLED_MS_MAX} ms: ${isWanted.toString()}`)
      await sleep(LOOK_MS)
    }
  }
}
