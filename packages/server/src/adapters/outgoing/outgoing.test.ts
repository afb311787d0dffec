import assert from 'node:assert/strict'
import { afterAll, afterEach, beforeAll, beforeEach, describe, test, vi } from 'vitest'
import { type HttpBehaviour, startZoo, type Zoo } from '../../../test/receiver-zoo.ts'
import { authority } from '../../../test/receiver-zoo-certificates.ts'
import { brokenTls, met, responded } from '../../../test/receiver-zoo-outcomes.ts'
import type { AddressPolicy } from './address-policy.ts'
import type { Attempted, Post, PostResult } from './attempt.ts'
import { unreachable } from './outcome.ts'
import { createOutgoing, type Outgoing, type OutgoingLimits } from './outgoing.ts'

const NOW = new Date('2026-01-01T00:00:00Z')
/** Of attempts that have nothing to wait for. */
const TIMEOUT_MS = 30_000
/** Of attempts that get no answer. */
const SHORT_TIMEOUT_MS = 300
/** Of several such attempts at once, which share their core with the receivers. */
const MANY_TIMEOUT_MS = 3_000
/** The heads of these come at once, and their bodies never end. */
const UNTIL_THE_DEADLINE: readonly string[] = ['trickled-body', 'trickled-error-body', 'stalled-body']
const AT_ONCE = 10
/** On a machine that is busy; what knew no deadline would take for ever. */
const OVERRUN_MS_MAX = 10_000
const READ_BYTES_MAX = 65_536

let zoo: Zoo
let policy: AddressPolicy
let outgoing: Outgoing

beforeAll(async () => {
  zoo = await startZoo()
  policy = { httpAllowed: false, loopbackReceivers: zoo.loopbackReceivers, refusedRanges: [], ownNames: [] }
})
afterAll(() => zoo.close())

beforeEach(() => {
  zoo.requests.length = 0
  outgoing = start()
})
afterEach(() => outgoing.close())

function start(limits: Partial<OutgoingLimits> = {}): Outgoing {
  return createOutgoing({ now: () => NOW, ca: [authority], limits })
}

function defaults(): Omit<Post, 'url'> {
  return {
    headers: { 'content-type': 'application/json' },
    body: Buffer.from('{"payload":true}'),
    timeoutMs: TIMEOUT_MS,
    connectionKey: 'endpoint-1',
    resolutionKey: 'account-1',
    policy,
  }
}

function postTo(url: string, more: Partial<Post> = {}): Promise<PostResult> {
  return outgoing.post({ ...defaults(), url, ...more })
}

async function attempt(url: string, more: Partial<Post> = {}): Promise<Attempted> {
  const result = await postTo(url, more)
  assert(result.kind === 'attempted')
  return result
}

const reset = unreachable('connection_reset')

describe('every behaviour of a receiver ends as its outcome, in time and within the bounds', () => {
  type Run = { result: Attempted; timeoutMs: number; elapsedMs: number }
  const runs = new Map<string, Run>()
  let sent: string[] = []

  // a few at a time: those that take until the deadline take it together
  beforeAll(async () => {
    const all = start()
    const run = async (behaviour: HttpBehaviour | 'refused', rest: string, waits: boolean) => {
      const startedAt = performance.now()
      const url = zoo.url(behaviour, rest)
      const timeoutMs = waits ? MANY_TIMEOUT_MS : TIMEOUT_MS
      const result = await all.post({ ...defaults(), url, timeoutMs, connectionKey: url })
      assert(result.kind === 'attempted')
      runs.set(`${behaviour}${rest}`, { result, timeoutMs, elapsedMs: performance.now() - startedAt })
    }
    const waiting = met.values()
    const runOneByOne = async () => {
      for (const [behaviour, rest, expected] of waiting)
        await run(behaviour, rest, expected === 'timed_out' || UNTIL_THE_DEADLINE.includes(behaviour))
    }
    await Promise.all(Array.from({ length: AT_ONCE }, runOneByOne))
    sent = zoo.requests.map(({ head }) => head.split(' ')[1] ?? '')
    await all.close()
  })

  test.each(met)('%s%s', (behaviour, rest, expected) => {
    const { result, timeoutMs, elapsedMs } = runs.get(`${behaviour}${rest}`) ?? raiseNotRun()
    if (expected === 'timed_out') {
      assert(result.outcome.kind === 'timed_out' && result.outcome.phase === 'headers')
      assert(elapsedMs >= timeoutMs)
    } else {
      assert.deepEqual(result.outcome, expected)
    }
    assert(elapsedMs <= timeoutMs + OVERRUN_MS_MAX)
    assert(result.bytesRead <= READ_BYTES_MAX)
    assert(result.responseBody.length <= 16_384)
    assert.equal(sent.filter((path) => path === `/${behaviour}${rest}`).length, behaviour === 'refused' ? 0 : 1)
  })

  test('redirects lead nowhere', () => {
    assert(!sent.includes('/canary'))
  })

  test('one endpoint that does all of this still gets its next request', async () => {
    for (const [behaviour, rest] of met.filter(([, , expected]) => expected !== 'timed_out')) {
      await attempt(zoo.url(behaviour, rest), { timeoutMs: 30 })
    }
    assert.deepEqual((await attempt(zoo.url('ok'))).outcome, responded(200))
  })
})

describe('TLS', () => {
  test.each(brokenTls)('%s is a TLS failure, and no byte of the request arrives', async (behaviour, expected) => {
    assert.deepEqual((await attempt(zoo.url(behaviour))).outcome, expected)
    assert.equal(zoo.requests.length, 0)
  })

  test('a stalled handshake is a timeout in the phase tls', async () => {
    const { outcome, durationMs } = await attempt(zoo.url('tls-stalled'), { timeoutMs: SHORT_TIMEOUT_MS })
    assert(outcome.kind === 'timed_out' && outcome.phase === 'tls')
    assert(durationMs <= SHORT_TIMEOUT_MS + OVERRUN_MS_MAX)
  })

  test.each(['tls', 'tls-1.2'] as const)(
    '%s: a trusted receiver is reached, and its connection used again',
    async (behaviour) => {
      const first = await attempt(zoo.url(behaviour))
      const second = await attempt(zoo.url(behaviour))
      assert.deepEqual([first.outcome, second.outcome], [responded(200), responded(200)])
      assert.deepEqual(
        zoo.requests.map(({ turn }) => turn),
        [1, 2],
      )
      assert(first.timings.tlsMs !== undefined && second.timings.tlsMs === undefined)
      const version = behaviour === 'tls' ? 'TLSv1.3' : 'TLSv1.2'
      const security = { version, certificateExpiresAt: new Date('2123-01-01T00:00:00Z') }
      assert.deepEqual([first.security, second.security], [security, security])
    },
  )

  test('verification cannot be switched off from the environment', async () => {
    const variable = 'NODE_TLS_REJECT_UNAUTHORIZED'
    Object.assign(process.env, { [variable]: '0' })
    try {
      assert.deepEqual((await attempt(zoo.url('tls-untrusted'))).outcome, unreachable('tls_untrusted'))
    } finally {
      delete process.env[variable]
    }
    assert.equal(zoo.requests.length, 0)
  })
})

describe('what is sent', () => {
  test('one POST with the given headers and bytes, which asks for no compression', async () => {
    const body = Buffer.from('{"number":1.00,"text":"\u00e9\\u0000"}')
    await attempt(zoo.url('ok', '/path?query=1#fragment'), { headers: ['X-Case', 'Kept', 'x-other', 'value'], body })
    const [request] = zoo.requests
    assert(request)
    assert.deepEqual(request.body, body)
    const [requestLine, ...headers] = request.head.split('\r\n')
    assert.equal(requestLine, 'POST /ok/path?query=1 HTTP/1.1')
    assert.deepEqual(headers, [
      `host: ${new URL(zoo.url('ok')).host}`,
      'connection: keep-alive',
      'X-Case: Kept',
      'x-other: value',
      'accept-encoding: identity',
      `content-length: ${body.length}`,
    ])
  })

  test('an empty body and a large one arrive whole', async () => {
    for (const size of [0, 1_048_576]) {
      const { outcome } = await attempt(zoo.url('ok'), { body: Buffer.alloc(size, 'x') })
      assert.deepEqual(outcome, responded(200))
      assert.equal(zoo.requests.at(-1)?.body.length, size)
    }
  })

  test('proxy variables change nothing', async () => {
    const proxy = zoo.url('refused')
    Object.assign(process.env, { HTTP_PROXY: proxy, http_proxy: proxy, NODE_USE_ENV_PROXY: '1' })
    try {
      assert.deepEqual((await attempt(zoo.url('ok'))).outcome, responded(200))
    } finally {
      for (const name of ['HTTP_PROXY', 'http_proxy', 'NODE_USE_ENV_PROXY']) delete process.env[name]
    }
  })

  test('a header that cannot be sent is the mistake of the caller: post rejects and nothing arrives', async () => {
    const refused = [
      ['bad name', 'x'],
      ['name', 'a\r\nb'],
      ['transfer-encoding', 'chunked'],
      ['expect', '100-continue'],
    ]
    for (const headers of refused) {
      await assert.rejects(postTo(zoo.url('ok'), { headers }))
    }
    assert.equal(zoo.requests.length, 0)
    assert.deepEqual((await attempt(zoo.url('ok'))).outcome, responded(200))
  })
})

describe('what is kept of a response', () => {
  test('the first 16 KiB of the body as received, 64 KiB read', async () => {
    const endless = await attempt(zoo.url('endless-body'))
    assert.equal(endless.responseBody.length, 16_384)
    assert.equal(endless.bytesRead, READ_BYTES_MAX)
    assert(endless.durationMs < TIMEOUT_MS, 'reading ends at the bound, not at the deadline')

    const bomb = await attempt(zoo.url('gzip-bomb'))
    assert.deepEqual([...bomb.responseBody.subarray(0, 2)], [0x1f, 0x8b], 'compressed as it came')
    assert(bomb.responseBody.length <= 16_384)
  })

  test('a head that never ends is given up at 16 KiB', async () => {
    const { bytesRead } = await attempt(zoo.url('slow-endless-reason'))
    assert(bytesRead > 16_384 && bytesRead <= 16_384 + 2 * 4_000)
  })

  test('a body that arrives slowly is kept up to the deadline', async () => {
    const { responseBody, durationMs } = await attempt(zoo.url('trickled-body'), { timeoutMs: 1_000 })
    assert(responseBody.length > 0)
    assert(durationMs >= 1_000)
  })

  test('the first 50 headers for the record, all of them for decisions', async () => {
    const result = await attempt(zoo.url('many-headers'))
    assert.equal(result.responseHeaders.length, 50)
    assert.equal(result.headers['x-79'], '79')
  })

  test('Retry-After, in seconds or as a date, of responses that are no success', async () => {
    assert.deepEqual((await attempt(zoo.url('retry-after-seconds'))).outcome, {
      ...responded(503),
      retryAfterMs: 120_000,
    })
    assert.deepEqual((await attempt(zoo.url('retry-after-date'))).outcome, { ...responded(429), retryAfterMs: 120_000 })
    assert.deepEqual((await attempt(zoo.url('retry-after-nonsense'))).outcome, responded(503))
  })

  test('a 100 that nobody asked for is read past, even byte by byte', async () => {
    const { outcome, responseBody } = await attempt(zoo.url('continue-in-bytes'))
    assert.deepEqual(outcome, responded(200))
    assert.equal(Buffer.from(responseBody).toString(), 'ok')
  })

  test('a flood of interim responses is read up to the bound and then left alone', async () => {
    for (const flood of ['continue-flood', 'processing-flood', 'hints-flood'] as const) {
      assert.equal((await attempt(zoo.url(flood), { timeoutMs: 1_000 })).bytesRead, READ_BYTES_MAX)
    }
  })
})

describe('connections', () => {
  const turns = () => zoo.requests.map(({ turn }) => turn)
  const distinct = () => new Set(zoo.requests.map(({ connection }) => connection)).size

  test('one connection carries the requests of an endpoint one after the other', async () => {
    for (let count = 0; count < 5; count++) await attempt(zoo.url('ok'))
    assert.deepEqual(turns(), [1, 2, 3, 4, 5])
  })

  test('requests at the same time have connections of their own', async () => {
    await Promise.all([1, 2, 3].map(() => attempt(zoo.url('ok'))))
    assert.equal(distinct(), 3)
  })

  test('two endpoints never share a connection, nor do two URLs', async () => {
    await attempt(zoo.url('ok'), { connectionKey: 'endpoint-1' })
    await attempt(zoo.url('ok'), { connectionKey: 'endpoint-2' })
    await attempt(zoo.url('ok', '/other'), { connectionKey: 'endpoint-2' })
    assert.equal(distinct(), 3)
  })

  test.each(['reset-on-reuse', 'close-on-reuse'] as const)(
    '%s: the request goes once more on a fresh connection, and no failure is seen',
    async (behaviour) => {
      assert.deepEqual((await attempt(zoo.url(behaviour))).outcome, responded(200))
      assert.deepEqual((await attempt(zoo.url(behaviour))).outcome, responded(200))
      assert.deepEqual(turns(), [1, 2, 1])
    },
  )

  test('it goes once more, not twice', async () => {
    await attempt(zoo.url('reset-unless-first'), { body: Buffer.from('first') })
    assert.deepEqual((await attempt(zoo.url('reset-unless-first'))).outcome, reset)
    assert.deepEqual(turns(), [1, 2, 1])
  })

  test('on a fresh connection a reset is a failure at once', async () => {
    assert.deepEqual((await attempt(zoo.url('reset-before-byte'))).outcome, reset)
    assert.deepEqual(turns(), [1])
  })

  test('connections that the receiver closes while idle never show as failures', async () => {
    for (let count = 0; count < 20; count++) {
      assert.deepEqual((await attempt(zoo.url('idle-close'))).outcome, responded(200))
    }
  })

  test.each(['endless-body', 'close-in-body', 'stalled-body', 'close-after', 'bad-chunk-size'] as const)(
    '%s: a connection whose response was not read to its end is not used again',
    async (behaviour) => {
      await attempt(zoo.url(behaviour), { timeoutMs: 100 })
      await attempt(zoo.url(behaviour), { timeoutMs: 100 })
      assert.deepEqual(turns(), [1, 1])
    },
  )

  test.each(['response-too-many', 'response-too-many-later'] as const)(
    '%s: bytes nobody asked for close the connection and answer no other request',
    async (behaviour) => {
      for (let count = 0; count < 5; count++)
        assert.deepEqual((await attempt(zoo.url(behaviour))).outcome, responded(200))
    },
  )

  test('idle connections beyond the bound are closed, the longest idle first', async () => {
    outgoing = start({ idleLinesMax: 2 })
    for (const connectionKey of ['a', 'b', 'c', 'a', 'c']) await attempt(zoo.url('ok'), { connectionKey })
    assert.deepEqual(turns(), [1, 1, 1, 1, 2])
  })

  test('a connection is used until it is 60 s old, and then no more', async () => {
    const now = performance.now.bind(performance)
    await attempt(zoo.url('ok'))
    const clock = vi.spyOn(performance, 'now')
    try {
      clock.mockImplementation(() => now() + 30_000)
      await attempt(zoo.url('ok'))
      clock.mockImplementation(() => now() + 60_000)
      await attempt(zoo.url('ok'))
    } finally {
      clock.mockRestore()
    }
    assert.deepEqual(turns(), [1, 2, 1])
  })

  test('closeIdle closes the connections of one endpoint', async () => {
    await attempt(zoo.url('ok'), { connectionKey: 'a' })
    await attempt(zoo.url('ok'), { connectionKey: 'b' })
    outgoing.closeIdle('a')
    await attempt(zoo.url('ok'), { connectionKey: 'a' })
    await attempt(zoo.url('ok'), { connectionKey: 'b' })
    assert.deepEqual(turns(), [1, 1, 1, 2])
  })

  test('close interrupts what is under way and leaves no connection', async () => {
    await attempt(zoo.url('ok'))
    const underWay = attempt(zoo.url('silent'))
    await outgoing.close()
    assert.deepEqual((await underWay).outcome, { kind: 'interrupted' })
    assert.deepEqual((await attempt(zoo.url('ok'))).outcome, { kind: 'interrupted' })
    await zoo.allClosed()
  })
})

describe('stopping', () => {
  test('a signal interrupts every attempt that has it, and those that start later', async () => {
    const stopping = new AbortController()
    const { signal } = stopping
    const underWay = [1, 2, 3].map(() => attempt(zoo.url('silent'), { signal }))
    const other = attempt(zoo.url('silent'), { timeoutMs: SHORT_TIMEOUT_MS })
    stopping.abort()
    for (const { outcome } of await Promise.all(underWay)) assert.deepEqual(outcome, { kind: 'interrupted' })
    assert.deepEqual((await attempt(zoo.url('ok'), { signal })).outcome, { kind: 'interrupted' })
    assert.equal((await other).outcome.kind, 'timed_out')
  })

  test('a final head that has arrived stands, whatever stops the attempt', async () => {
    const stopping = new AbortController()
    const underWay = attempt(zoo.url('stalled-body'), { signal: stopping.signal })
    // the heads come in order: when the later one has been waited for, this one is here
    await attempt(zoo.url('stalled-body'), { connectionKey: 'b', timeoutMs: SHORT_TIMEOUT_MS })
    stopping.abort()
    assert.deepEqual((await underWay).outcome, responded(200))
  })

  test('mayWrite is asked right before the request is written; without its yes nothing is', async () => {
    assert.deepEqual((await attempt(zoo.url('ok'), { mayWrite: () => false })).outcome, { kind: 'interrupted' })
    assert.equal(zoo.requests.length, 0)
    let asked = 0
    const mayWrite = () => {
      asked += 1
      return true
    }
    await attempt(zoo.url('reset-on-reuse'), { mayWrite })
    await attempt(zoo.url('reset-on-reuse'), { mayWrite })
    assert.equal(asked, 3)
  })
})

describe('addresses', () => {
  test('a URL that the policy refuses is blocked: no connection is made', async () => {
    const before = zoo.connections
    const port = new URL(zoo.url('ok')).port
    const refused = [
      `http://127.0.0.2:${port}/`,
      `http://localhost:${port}/`,
      `http://[::ffff:127.0.0.1]:${port}/`,
      'http://10.0.0.1/',
    ]
    for (const url of [...refused, 'https://169.254.169.254/', 'https://[::1]/', 'not a url']) {
      const result = await attempt(url, { policy: { ...policy, httpAllowed: true } })
      assert.deepEqual(result.outcome, { kind: 'blocked' })
      assert.deepEqual(result.timings, {})
    }
    const closed = await attempt(zoo.url('ok'), { policy: { ...policy, loopbackReceivers: new Set() } })
    assert.deepEqual(closed.outcome, { kind: 'blocked' })
    assert.equal(zoo.connections, before)
    // the control: the same receiver is reached when it is listed
    assert.deepEqual((await attempt(zoo.url('ok'))).outcome, responded(200))
  })

  test('a policy that changes holds for the next attempt, kept connections included', async () => {
    await attempt(zoo.url('ok'))
    const { outcome } = await attempt(zoo.url('ok'), { policy: { ...policy, loopbackReceivers: new Set() } })
    assert.deepEqual(outcome, { kind: 'blocked' })
    assert.equal(zoo.requests.length, 1)
  })
})

describe('limits per destination, over all endpoints', () => {
  test('beyond the attempts in flight to a host the next one is deferred, and passes when one has ended', async () => {
    outgoing = start({ hostInFlightMax: 2 })
    const target = { url: zoo.url('ok'), policy, connectionKey: 'c', resolutionKey: 'account-2' }
    const stopping = new AbortController()
    const underWay = ['a', 'b'].map((connectionKey) =>
      attempt(zoo.url('silent'), { connectionKey, signal: stopping.signal }),
    )
    assert(outgoing.waitMs(target) > 0)
    const deferred = await postTo(target.url, target)
    assert(deferred.kind === 'deferred' && deferred.waitMs > 0)
    stopping.abort()
    await Promise.all(underWay)
    assert.equal(outgoing.waitMs(target), 0)
    assert.deepEqual((await attempt(target.url, target)).outcome, responded(200))
    assert.equal(zoo.requests.filter(({ behaviour }) => behaviour === 'ok').length, 1)
  })

  test('the same for an address', async () => {
    outgoing = start({ addressInFlightMax: 1 })
    const underWay = attempt(zoo.url('silent'), { timeoutMs: SHORT_TIMEOUT_MS })
    assert.equal((await postTo(zoo.url('ok'), { connectionKey: 'b' })).kind, 'deferred')
    await underWay
    assert.equal((await postTo(zoo.url('ok'), { connectionKey: 'b' })).kind, 'attempted')
  })

  test('beyond the rate of a host the wait is told', async () => {
    outgoing = start({ hostPerSecondMax: 1 })
    const [first, second] = await Promise.all([postTo(zoo.url('ok')), postTo(zoo.url('ok'))])
    assert.equal(first.kind, 'attempted')
    assert(second.kind === 'deferred' && second.waitMs > 500 && second.waitMs <= 1_060)
  })
})

function raiseNotRun(): never {
  throw new Error('the attempt did not run')
}
