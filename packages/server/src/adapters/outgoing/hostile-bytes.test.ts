import assert from 'node:assert/strict'
import fc from 'fast-check'
import { afterAll, beforeAll, test } from 'vitest'
import { type Script, startZoo, type Zoo } from '../../../test/receiver-zoo.ts'
import { createOutgoing, type Outgoing } from './outgoing.ts'

const TIMEOUT_MS = 100
/** On a machine that is busy; what knew no deadline would take for ever. */
const OVERRUN_MS_MAX = 10_000
const KINDS = ['responded', 'timed_out', 'unreachable', 'invalid_response']

let zoo: Zoo
let outgoing: Outgoing

beforeAll(async () => {
  zoo = await startZoo()
  outgoing = createOutgoing({ now: () => new Date(), limits: { hostPerSecondMax: 1e6, addressPerSecondMax: 1e6 } })
})
afterAll(async () => {
  await outgoing.close()
  await zoo.close()
})

async function attempt(script: Script, connectionKey: string, timeoutMs = TIMEOUT_MS) {
  const policy = { httpAllowed: false, loopbackReceivers: zoo.loopbackReceivers, refusedRanges: [], ownNames: [] }
  const body = Buffer.from(JSON.stringify(script))
  const post = {
    url: zoo.url('script'),
    headers: [],
    body,
    timeoutMs,
    connectionKey,
    resolutionKey: '',
    policy,
  }
  const result = await outgoing.post(post)
  assert(result.kind === 'attempted')
  return result
}

/** Bits of responses, right and wrong, that are put together at random. */
const fragment = fc.oneof(
  fc.constantFrom(
    'HTTP/1.1 ',
    'HTTP/1.0 ',
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.1 204 No Content\r\n',
    'HTTP/1.1 304 Same\r\n',
  ),
  fc.constantFrom(
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 103 Hints\r\n\r\n',
    'HTTP/1.1 101 Switch\r\n',
    'HTTP/1.1 100 C\r\nx: y\r\n\r\n',
  ),
  fc.constantFrom(
    '\r\n',
    '\r\n\r\n',
    '\n',
    '\r',
    ' ',
    ':',
    '\0',
    '0\r\n\r\n',
    '5\r\nhello\r\n',
    'ffffffffffffffff\r\n',
    '5;x=y\r\n',
  ),
  fc.constantFrom(
    'content-length: 5\r\n',
    'content-length: 0\r\n',
    'content-length: 99999\r\n',
    'content-length: -1\r\n',
  ),
  fc.constantFrom(
    'transfer-encoding: chunked\r\n',
    'transfer-encoding: gzip, chunked\r\n',
    'transfer-encoding: identity\r\n',
  ),
  fc.constantFrom(
    'connection: close\r\n',
    'connection: upgrade\r\nupgrade: h2c\r\n',
    'keep-alive: timeout=0\r\n',
    'keep-alive: timeout=x\r\n',
  ),
  fc.constantFrom(
    '__proto__: x\r\n',
    'constructor: x\r\n',
    'set-cookie: a\r\nset-cookie: b\r\n',
    'trailer: x\r\n',
    'retry-after: 1\r\n',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.integer({ min: 1, max: 30 }).map((kilobytes) => 'x'.repeat(kilobytes * 1000)),
)
const script: fc.Arbitrary<Script> = fc.record({
  pieces: fc.array(
    fc.array(fragment, { maxLength: 6 }).map((fragments) => fragments.join('')),
    { maxLength: 6 },
  ),
  ending: fc.oneof(
    { weight: 3, arbitrary: fc.constant('end') },
    { weight: 3, arbitrary: fc.constant('reset') },
    { weight: 1, arbitrary: fc.constant('stay') },
  ),
})

test('whatever bytes a receiver answers, the attempt ends as an outcome, in time, and the next one is not harmed', async () => {
  let key = 0
  await fc.assert(
    fc.asyncProperty(fc.array(script, { minLength: 1, maxLength: 3 }), async (scripts) => {
      key += 1
      for (const one of scripts) {
        const result = await attempt(one, String(key))
        assert(KINDS.includes(result.outcome.kind))
        assert(result.durationMs <= TIMEOUT_MS + OVERRUN_MS_MAX)
        assert(result.bytesRead <= 65_536)
      }
      const clean = await attempt(
        { pieces: ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'], ending: 'stay' },
        String(key),
        30_000,
      )
      assert.deepEqual(clean.outcome, { kind: 'responded', status: 200 })
      assert.equal(Buffer.from(clean.responseBody).toString(), 'ok')
    }),
    { numRuns: 150 },
  )
})
