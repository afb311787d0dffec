import { afterEach, beforeEach, describe, expect, expectTypeOf, test, vi } from 'vitest'
import { memory } from './dedupe.ts'
import {
  createReceiver,
  type DedupeStore,
  type ReceiverOptions,
  sign,
  type Trouble,
  type WebhookEvent,
} from './index.ts'
import { examples, fakeClock, signedRequest } from './testing.ts'

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const otherSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const activated = examples['producersync.npn.activated']
const clock = fakeClock('2026-03-06T15:02:12Z')
let handled: WebhookEvent[]
let troubles: Trouble[]

beforeEach(() => {
  handled = []
  troubles = []
})
afterEach(() => vi.useRealTimers())

function receiver(options: Partial<ReceiverOptions> = {}) {
  const receive = createReceiver({
    secrets: secret,
    on: { 'producersync.npn.activated': (event) => handled.push(event) },
    onError: (trouble) => troubles.push(trouble),
    now: clock.now,
    ...options,
  })
  return async (event: WebhookEvent = activated, signedWith = secret) =>
    answerOf(await receive(await signedRequest(event, signedWith, { now: clock.now() })))
}

async function answerOf(response: Response) {
  const type = response.headers.get('content-type')
  const body: object = JSON.parse(await response.text())
  return { status: response.status, type, body, retryAfter: response.headers.get('retry-after') }
}

/** A promise that is kept when the test says so. */
function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

test('a verified event is handled, and answered 200', async () => {
  expect(await receiver()()).toMatchObject({ status: 200, type: 'application/json', body: { result: 'handled' } })
  expect(handled).toEqual([activated])
  expect(troubles).toEqual([])
})

test.each(Object.values(examples))('$type reaches its own handler, with its data', async (event) => {
  const on = Object.fromEntries(
    Object.keys(examples).map((type) => [type, (e: WebhookEvent) => handled.push(type === e.type ? e : activated)]),
  )
  expect((await receiver({ on })(event)).status).toBe(200)
  expect(handled).toEqual([event])
})

test('handlers are typed by their key', () => {
  createReceiver({
    secrets: secret,
    on: {
      'producersync.updates_available': (event) => expectTypeOf(event.data).toEqualTypeOf<{ runDate: string }>(),
      'producersync.npn.deactivated': ({ data }) => expectTypeOf(data).toEqualTypeOf<{ npn: string }>(),
      // @ts-expect-error: not a type that is known
      'producersync.npn.renamed': () => {},
    },
  })
})

describe('what nobody asked for is answered 200', () => {
  test('a known type without a handler', async () => {
    const answer = await receiver()(examples['producersync.updates_available'])
    expect(answer).toMatchObject({ status: 200, body: { result: 'ignored' } })
  })

  test.each(['webhook.ping', 'toString', '__proto__', 'constructor'])(
    'the type %s, which is not known',
    async (type) => {
      expect(await receiver()({ ...activated, type, data: {} })).toMatchObject({
        status: 200,
        body: { result: 'ignored' },
      })
      expect(handled).toEqual([])
    },
  )

  test('but onUnknown has every type that is not known, and only those', async () => {
    const onUnknown = (event: WebhookEvent) => handled.push({ ...event, type: `unknown ${event.type}` })
    const receive = receiver({ onUnknown })
    const own = { ...activated, id: 'evt_2', type: 'policy.issued', data: { policy: 7 } }
    await receive(own)
    await receive(examples['producersync.updates_available'])
    expect(handled).toEqual([{ ...own, type: 'unknown policy.issued' }])
  })
})

describe('what is not verified is answered 401 with its code, and nothing is handled', () => {
  test('a wrong secret', async () => {
    expect(await receiver()(activated, otherSecret)).toMatchObject({
      status: 401,
      body: { code: 'no_matching_signature' },
    })
    expect(handled).toEqual([])
    expect(troubles).toMatchObject([{ kind: 'refused', error: { code: 'no_matching_signature' } }])
  })

  test('no headers; its body is not even read', async () => {
    const request = new Request('http://localhost/', { method: 'POST', body: JSON.stringify(activated) })
    const response = await createReceiver({ secrets: secret })(request)
    expect(await answerOf(response)).toMatchObject({ status: 401, body: { code: 'missing_header' } })
    expect(request.bodyUsed).toBe(false)
  })

  test('a body that was read before', async () => {
    const request = await signedRequest(activated, secret)
    await request.json()
    const response = await createReceiver({ secrets: secret })(request)
    expect(await answerOf(response)).toMatchObject({ status: 401, body: { code: 'body_not_bytes' } })
  })

  test('too old', async () => {
    const receive = createReceiver({ secrets: secret, now: clock.now })
    const request = await signedRequest(activated, secret, { now: new Date(clock.now().getTime() - 301_000) })
    expect(await answerOf(await receive(request))).toMatchObject({
      status: 401,
      body: { code: 'timestamp_out_of_range' },
    })
  })

  test('too large', async () => {
    expect(await receiver({ maxBytes: 20 })()).toMatchObject({ status: 401, body: { code: 'body_too_large' } })
  })

  test.each([
    ['an unset variable', undefined],
    ['nonsense', 'whsec_!'],
  ])('a secret that is %s', async (_, secrets) => {
    const answer = await receiver({ secrets })()
    expect(answer).toMatchObject({ status: 401, body: { code: 'invalid_secret' } })
  })
})

test.each([
  ['invalid_json', 'not JSON'],
  ['invalid_event', '{"success":true}'],
])('what is verified, but is no event, is answered 400: %s', async (code, body) => {
  const timestamp = clock.now().getTime() / 1000
  const headers = await sign({ id: 'msg_1', timestamp, body, secrets: secret })
  const request = new Request('http://localhost/', { method: 'POST', headers: { ...headers }, body })
  const response = await createReceiver({ secrets: secret, now: clock.now })(request)
  expect(await answerOf(response)).toMatchObject({ status: 400, body: { code } })
})

test('an answer tells the world nothing but a code, and onError nothing of the secret', async () => {
  const answer = await receiver()(activated, otherSecret)
  expect(Object.keys(answer.body)).toEqual(['code'])
  expect(JSON.stringify(troubles)).not.toContain('MfKQ9r8G')
})

test('secrets are asked for every webhook, so a rotation needs no restart', async () => {
  let secrets = [secret]
  const receive = receiver({ secrets: async () => secrets })
  expect((await receive()).status).toBe(200)
  secrets = [otherSecret, secret]
  expect((await receive({ ...activated, id: 'evt_2' }, otherSecret)).status).toBe(200)
  secrets = [otherSecret]
  expect((await receive({ ...activated, id: 'evt_3' })).status).toBe(401)
})

test('secrets that cannot be had are answered 500: the sender tries again', async () => {
  const secrets = () => Promise.reject(new Error('the vault is closed'))
  expect(await receiver({ secrets })()).toMatchObject({ status: 500, body: { code: 'internal_error' } })
  expect(troubles).toMatchObject([{ kind: 'failed', error: { message: 'the vault is closed' } }])
})

describe('an event is handled once', () => {
  test('its repeat, under another signature, is answered 200 and not handled', async () => {
    const receive = receiver()
    await receive()
    clock.advance(20)
    expect(await receive()).toMatchObject({ status: 200, body: { result: 'repeated' } })
    expect(handled).toHaveLength(1)
  })

  test('while it is being handled, another attempt is answered 503 with Retry-After: 5', async () => {
    const { opened, open } = gate()
    const receive = receiver({ on: { 'producersync.npn.activated': () => opened } })
    const first = receive()
    await expect.poll(() => receive()).toMatchObject({ status: 503, retryAfter: '5', body: { code: 'busy' } })
    open()
    expect((await first).status).toBe(200)
    expect(await receive()).toMatchObject({ status: 200, body: { result: 'repeated' } })
  })

  test('of 50 attempts at once, one handles it', async () => {
    const receive = receiver()
    const answers = await Promise.all(Array.from({ length: 50 }, () => receive()))
    expect(handled).toHaveLength(1)
    expect(answers.filter(({ status }) => status !== 200 && status !== 503)).toEqual([])
  })

  test('a handler that throws is answered 500, and the next attempt handles it', async () => {
    let calls = 0
    const on = {
      'producersync.npn.activated': () => {
        calls += 1
        if (calls === 1) throw new Error('queue is down')
      },
    }
    const receive = receiver({ on })
    expect(await receive()).toMatchObject({ status: 500, body: { code: 'internal_error' } })
    expect(troubles).toMatchObject([
      { kind: 'failed', error: { message: 'queue is down' }, event: { id: activated.id } },
    ])
    expect(await receive()).toMatchObject({ status: 200, body: { result: 'handled' } })
    expect(await receive()).toMatchObject({ body: { result: 'repeated' } })
  })

  test('one claimed by a process that died is handled anew when the claim ends', async () => {
    const dedupe = memory({ now: clock.now })
    await dedupe.claim(activated.id, 60)
    const receive = receiver({ dedupe })
    expect((await receive()).status).toBe(503)
    clock.advance(61)
    expect(await receive()).toMatchObject({ status: 200, body: { result: 'handled' } })
  })

  test('two receivers on one store share what was handled', async () => {
    const dedupe = memory({ now: clock.now })
    await receiver({ dedupe })()
    expect(await receiver({ dedupe })()).toMatchObject({ body: { result: 'repeated' } })
  })
})

describe('a store that fails', () => {
  const broken = (part: keyof DedupeStore): DedupeStore => ({
    ...memory(),
    [part]: () => {
      throw new Error(`${part} failed`) // at once, not as a rejection
    },
  })

  test('on claim: 500, nothing handled', async () => {
    expect((await receiver({ dedupe: broken('claim') })()).status).toBe(500)
    expect(handled).toEqual([])
    expect(troubles).toMatchObject([{ kind: 'failed', error: { message: 'claim failed' } }])
  })

  test('on done: 200, since it is handled', async () => {
    expect((await receiver({ dedupe: broken('done') })()).status).toBe(200)
    expect(troubles).toMatchObject([{ kind: 'failed', error: { message: 'done failed' } }])
  })

  test('on release: 500 still, and both are told', async () => {
    const on = { 'producersync.npn.activated': () => Promise.reject(new Error('handler failed')) }
    expect((await receiver({ dedupe: broken('release'), on })()).status).toBe(500)
    expect(troubles).toMatchObject([{ error: { message: 'release failed' } }, { error: { message: 'handler failed' } }])
  })
})

test('a handler that takes over 3 s is told of, once, while it runs', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const { opened, open } = gate()
  const { opened: started, open: start } = gate()
  const receive = receiver({
    on: {
      'producersync.npn.activated': () => {
        start()
        return opened
      },
    },
  })
  const first = receive()
  await started
  vi.advanceTimersByTime(2_999)
  expect(troubles).toEqual([])
  vi.advanceTimersByTime(10_000)
  expect(troubles).toMatchObject([{ kind: 'slow', event: { id: activated.id } }])
  open()
  expect((await first).status).toBe(200)
  await receive({ ...activated, id: 'evt_quick' })
  expect(vi.getTimerCount()).toBe(0)
})

test.each([
  [
    'throws',
    () => {
      throw new Error('logger is down')
    },
  ],
  ['rejects', () => Promise.reject(new Error('logger is down'))],
])('an onError that %s changes no answer', async (_, onError) => {
  expect((await receiver({ onError })(activated, otherSecret)).status).toBe(401)
})

test('without onError nothing is printed', async () => {
  const printed = vi.spyOn(process.stderr, 'write')
  const receive = createReceiver({
    secrets: secret,
    on: { 'producersync.npn.activated': () => Promise.reject(new Error('x')) },
  })
  expect((await receive(await signedRequest(activated, secret))).status).toBe(500)
  expect(printed).not.toHaveBeenCalled()
})
