import assert from 'node:assert/strict'
import { type connect, type NetConnectOpts, Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { startZoo, type Zoo } from '../../../test/receiver-zoo.ts'
import { authority } from '../../../test/receiver-zoo-certificates.ts'
import { type NameAnswer, type NameServer, type Question, startNameServer } from '../../../test/receiver-zoo-names.ts'
import { Stopwatch } from '../../../test/stopwatch.ts'
import type { AddressPolicy } from './address-policy.ts'
import type { Attempted, Post } from './attempt.ts'
import { unreachable } from './outcome.ts'
import { createOutgoing, type Outgoing } from './outgoing.ts'

/**
 * Names lead to public addresses, which no test may connect to. So the one call that connects is replaced: each
 * address it is given is noted, and the ones in `leadsTo` are connected to a receiver of the zoo instead.
 */
const network = vi.hoisted(() => ({
  dialled: [] as string[],
  leadsTo: new Map<string, { port: number; remoteAddress?: string } | 'nowhere' | 'refused' | 'no route'>(),
}))

vi.mock('node:net', async (importOriginal) => {
  const net = await importOriginal<typeof import('node:net')>()
  return { ...net, connect: (options: NetConnectOpts) => redirect(net.connect, options) }
})

function redirect(connectReally: typeof connect, options: NetConnectOpts): Socket {
  assert('host' in options && options.host !== undefined)
  network.dialled.push(options.host)
  const target = network.leadsTo.get(options.host) ?? 'no route'
  if (target === 'nowhere') return new Socket()
  if (typeof target === 'string') {
    const code = target === 'refused' ? 'ECONNREFUSED' : 'ENETUNREACH'
    return new Socket().destroy(Object.assign(new Error(code), { code }))
  }
  const socket = connectReally({ ...options, host: '127.0.0.1', port: target.port })
  Object.defineProperty(socket, 'remoteAddress', { value: target.remoteAddress ?? options.host })
  return socket
}

/** Of attempts that have nothing to wait for. */
const TIMEOUT_MS = 30_000
const PUBLIC = '11.0.0.1'
const PUBLIC_IPV6 = '2606:4700:4700::1111'
const policy: AddressPolicy = {
  httpAllowed: true,
  loopbackReceivers: new Set(),
  refusedRanges: ['11.9.0.0/16'],
  ownNames: [],
}

let zoo: Zoo
let nameServer: NameServer
let answers: (question: Question) => NameAnswer
let outgoing: Outgoing

beforeAll(async () => {
  zoo = await startZoo()
  nameServer = await startNameServer((question) => answers(question))
})
afterAll(async () => {
  await zoo.close()
  await nameServer.close()
})
beforeEach(() => {
  network.dialled.length = 0
  network.leadsTo.clear()
  nameServer.questions.length = 0
  zoo.requests.length = 0
  outgoing = createOutgoing({ now: () => new Date(), nameServers: [nameServer.address], ca: [authority] })
})
afterEach(() => outgoing.close())

const httpPort = () => Number(new URL(zoo.url('ok')).port)
const tlsPort = () => Number(new URL(zoo.url('tls')).port)

async function attempt(url: string, more: Partial<Post> = {}): Promise<Attempted> {
  const result = await outgoing.post({
    url,
    headers: [],
    body: Buffer.from('{}'),
    timeoutMs: TIMEOUT_MS,
    connectionKey: 'endpoint',
    resolutionKey: 'account',
    policy,
    ...more,
  })
  assert(result.kind === 'attempted')
  return result
}

const responded = { kind: 'responded', status: 200 }

describe('a name', () => {
  test('is resolved once per attempt; Host, SNI and certificate stay the name', async () => {
    answers = ({ family }) => (family === 4 ? [PUBLIC] : [])
    network.leadsTo.set(PUBLIC, { port: tlsPort() })
    const { outcome, timings } = await attempt('https://receiver.zoo-tests.com/ok')
    assert.deepEqual(outcome, responded)
    assert.deepEqual(network.dialled, [PUBLIC])
    assert.deepEqual(nameServer.questions.map(({ name, family }) => `${name} ${family}`).toSorted(), [
      'receiver.zoo-tests.com 4',
      'receiver.zoo-tests.com 6',
    ])
    assert(zoo.requests[0]?.head.includes('host: receiver.zoo-tests.com\r\n'))
    assert(timings.dnsMs !== undefined && timings.connectMs !== undefined && timings.tlsMs !== undefined)
  })

  test('a certificate for another name is refused, though it is trusted', async () => {
    answers = () => [PUBLIC]
    network.leadsTo.set(PUBLIC, { port: tlsPort() })
    assert.deepEqual((await attempt('https://elsewhere.zoo-tests.com/ok')).outcome, unreachable('tls_name'))
    assert.equal(zoo.requests.length, 0)
  })

  const failures: [string, NameAnswer, Attempted['outcome']][] = [
    ['missing', 'missing', unreachable('dns_not_found')],
    ['without addresses', [], unreachable('dns_not_found')],
    ['failing', 'servfail', unreachable('dns_failed')],
    [
      'with too many addresses',
      Array.from({ length: 17 }, (_, index) => `11.0.0.${index + 1}`),
      unreachable('dns_failed'),
    ],
  ]
  test.each(failures)('%s is a failure of the name, and nothing is connected to', async (_, answer, expected) => {
    answers = () => answer
    assert.deepEqual((await attempt('https://receiver.zoo-tests.com/')).outcome, expected)
    assert.deepEqual(network.dialled, [])
  })

  test('that is not answered fails within 2 s, or at the deadline if that is earlier', async () => {
    answers = () => 'silent'
    const watch = new Stopwatch()
    const patient = await attempt('https://receiver.zoo-tests.com/')
    assert(watch.stop() <= 2_500)
    assert.deepEqual(patient.outcome, unreachable('dns_failed'))
    const { outcome } = await attempt('https://receiver.zoo-tests.com/', { timeoutMs: 100 })
    assert(outcome.kind === 'timed_out' && outcome.phase === 'dns')
  })
})

describe('forbidden answers', () => {
  const forbidden = [
    '127.0.0.1',
    '10.0.0.1',
    '169.254.169.254',
    '168.63.129.16',
    '11.9.1.1',
    '::1',
    '::ffff:7f00:1',
    'fd00:ec2::254',
  ]
  test.each(forbidden)(
    '%s alone, or with an allowed one in any place: blocked, nothing is connected to',
    async (address) => {
      network.leadsTo.set(PUBLIC, { port: httpPort() })
      for (const all of [[address], [PUBLIC, address], [address, PUBLIC], [PUBLIC, PUBLIC_IPV6, address]]) {
        answers = () => all
        const result = await attempt('http://receiver.zoo-tests.com/ok')
        assert.deepEqual([result.outcome, result.address], [{ kind: 'blocked' }, null])
      }
      assert.deepEqual(network.dialled, [])
      // the control: the same receiver is reached when no answer is forbidden
      answers = () => [PUBLIC]
      assert.deepEqual((await attempt('http://receiver.zoo-tests.com/ok')).outcome, responded)
    },
  )

  test('rebinding: an answer that changes after the check is never seen, and one that changes between attempts blocks', async () => {
    network.leadsTo.set(PUBLIC, { port: httpPort() })
    answers = ({ count }) => (count % 2 === 1 ? [PUBLIC] : ['127.0.0.1'])
    for (let count = 0; count < 50; count++) {
      const { outcome } = await attempt('http://receiver.zoo-tests.com/ok')
      assert.deepEqual(outcome, count % 2 === 0 ? responded : { kind: 'blocked' })
    }
    assert(network.dialled.every((address) => address === PUBLIC))
    assert(zoo.requests.every(({ head }) => head.startsWith('POST /ok ')))
  })

  test('a kept connection is used only while its address is among the answers', async () => {
    network.leadsTo.set('11.0.0.1', { port: httpPort() })
    network.leadsTo.set('11.0.0.2', { port: httpPort() })
    for (const address of ['11.0.0.1', '11.0.0.1', '11.0.0.2', '11.0.0.1']) {
      answers = () => [address]
      await attempt('http://receiver.zoo-tests.com/ok')
    }
    assert.deepEqual(network.dialled, ['11.0.0.1', '11.0.0.2'])
    assert.deepEqual(
      zoo.requests.map(({ turn }) => turn),
      [1, 2, 1, 3],
    )
  })

  test('a connection that ends at another address than the one dialled carries nothing', async () => {
    answers = () => [PUBLIC]
    for (const remoteAddress of ['127.0.0.1', '::ffff:127.0.0.1', '11.0.0.2']) {
      network.leadsTo.set(PUBLIC, { port: httpPort(), remoteAddress })
      assert.deepEqual((await attempt('http://receiver.zoo-tests.com/ok')).outcome, unreachable('connect_unreachable'))
    }
    assert.equal(zoo.requests.length, 0)
  })
})

describe('several addresses', () => {
  test('are tried in turn, the families alternating, four at most', async () => {
    answers = ({ family }) => (family === 4 ? ['11.0.0.1', '11.0.0.2', '11.0.0.3', '11.0.0.4'] : [PUBLIC_IPV6])
    network.leadsTo.set('11.0.0.1', 'refused')
    network.leadsTo.set('11.0.0.2', 'refused')
    assert.deepEqual((await attempt('http://receiver.zoo-tests.com/ok')).outcome, unreachable('connect_unreachable'))
    assert.deepEqual(network.dialled, ['11.0.0.1', PUBLIC_IPV6, '11.0.0.2', '11.0.0.3'])
  })

  test('one that does not answer leaves time for the next', async () => {
    answers = () => ['11.0.0.1', '11.0.0.2']
    network.leadsTo.set('11.0.0.1', 'nowhere')
    network.leadsTo.set('11.0.0.2', { port: httpPort() })
    const { outcome } = await attempt('http://receiver.zoo-tests.com/ok', { timeoutMs: 4_000 })
    assert.deepEqual(outcome, responded)
  })

  test('when none answers, the attempt times out connecting', async () => {
    answers = () => ['11.0.0.1', '11.0.0.2']
    for (const address of ['11.0.0.1', '11.0.0.2']) network.leadsTo.set(address, 'nowhere')
    const { outcome, durationMs } = await attempt('http://receiver.zoo-tests.com/ok', { timeoutMs: 500 })
    assert(outcome.kind === 'timed_out' && outcome.phase === 'connect')
    assert(durationMs <= 10_000)
  })
})

describe('saving a URL', () => {
  const vet = (url: string) => outgoing.vet(url, policy, 'account')

  test('a name that resolves to a forbidden address is refused, in the same words as any other', async () => {
    answers = () => [PUBLIC, '10.0.0.1']
    const refused = { ok: false, reason: 'address not allowed' }
    assert.deepEqual(await vet('https://receiver.zoo-tests.com/'), refused)
    assert.deepEqual(await vet('https://10.0.0.1/'), refused)
    assert.deepEqual(await vet('https://metadata.google.internal/'), refused)
  })

  test('a name without an answer, or with allowed ones, passes', async () => {
    for (const answer of ['missing', 'servfail', [PUBLIC]] as const) {
      answers = () => answer
      assert((await vet('https://receiver.zoo-tests.com/')).ok)
    }
    assert.deepEqual(network.dialled, [])
  })
})

describe('limits', () => {
  test('hosts that share an address share its limit', async () => {
    await outgoing.close()
    outgoing = createOutgoing({
      now: () => new Date(),
      nameServers: [nameServer.address],
      limits: { addressInFlightMax: 1 },
    })
    answers = () => [PUBLIC]
    network.leadsTo.set(PUBLIC, { port: httpPort() })
    const stopping = new AbortController()
    const post = (name: string, path: string) => {
      const url = `http://${name}.zoo-tests.com/${path}`
      return outgoing.post({
        url,
        headers: [],
        body: Buffer.from(''),
        timeoutMs: TIMEOUT_MS,
        signal: stopping.signal,
        connectionKey: name,
        resolutionKey: 'a',
        policy,
      })
    }
    const silent = post('one', 'silent')
    await expect.poll(() => zoo.requests.length).toBe(1)
    assert.equal((await post('two', 'ok')).kind, 'deferred')
    stopping.abort()
    await silent
    assert.equal((await post('two', 'ok')).kind, 'attempted')
  })

  test('look-ups beyond those of an account are deferred, not failed', async () => {
    await outgoing.close()
    outgoing = createOutgoing({
      now: () => new Date(),
      nameServers: [nameServer.address],
      limits: { resolutionsPerKeyMax: 1 },
    })
    answers = ({ name }) => (name.startsWith('silent') ? 'silent' : [PUBLIC])
    network.leadsTo.set(PUBLIC, { port: httpPort() })
    const silent = attempt('http://silent.zoo-tests.com/ok', { timeoutMs: 200 })
    const target = { url: 'http://receiver.zoo-tests.com/ok', policy, connectionKey: 'b', resolutionKey: 'account' }
    assert(outgoing.waitMs(target) > 0)
    const post = { ...target, headers: [], body: Buffer.from(''), timeoutMs: 200 }
    assert.equal((await outgoing.post(post)).kind, 'deferred')
    assert.equal((await outgoing.post({ ...post, resolutionKey: 'other' })).kind, 'attempted')
    await silent
    assert.equal((await outgoing.post(post)).kind, 'attempted')
  })
})
