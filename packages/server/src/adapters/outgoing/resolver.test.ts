import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'vitest'
import { type NameAnswer, type NameServer, type Question, startNameServer } from '../../../test/receiver-zoo-names.ts'
import { Stopwatch } from '../../../test/stopwatch.ts'
import { Deadlines } from './deadlines.ts'
import { NameResolver, type Resolution } from './resolver.ts'

const BUDGET_MS = 2000
const LATE_MS_MAX = 500

const nameServers: NameServer[] = []
afterEach(async () => {
  await Promise.all(nameServers.splice(0).map((server) => server.close()))
})

type Answer = (question: Question) => NameAnswer | { answer: NameAnswer; delayMs: number }

async function startResolver(answers: Answer[], limits = { perKeyMax: 50, max: 2000 }): Promise<NameResolver> {
  const started = await Promise.all(answers.map((answer) => startNameServer(answer)))
  nameServers.push(...started)
  return new NameResolver(
    new Deadlines(),
    limits,
    started.map(({ address }) => address),
  )
}

async function resolve(...answers: Answer[]): Promise<{ resolution: Resolution; elapsedMs: number }> {
  const resolver = await startResolver(answers)
  const watch = new Stopwatch()
  const resolution = await resolver.resolve('receiver.zoo-tests.com', 'account').resolution
  return { resolution, elapsedMs: watch.stop() }
}

const addresses = (count: number) => Array.from({ length: count }, (_, index) => `11.0.0.${index + 1}`)

describe('a name', () => {
  test('both families are asked for, and their answers kept in order', async () => {
    const { resolution } = await resolve(() => ['11.0.0.2', '2606:4700::2', '11.0.0.1', '2606:4700::1'])
    assert.deepEqual(resolution, {
      kind: 'found',
      ipv4: ['11.0.0.2', '11.0.0.1'],
      ipv6: ['2606:4700::2', '2606:4700::1'],
    })
  })

  test('one family is enough, whatever the other says', async () => {
    for (const other of ['missing', 'servfail', 'refused', []] as const) {
      const { resolution } = await resolve(({ family }) => (family === 4 ? ['11.0.0.1'] : other))
      assert.deepEqual(resolution, { kind: 'found', ipv4: ['11.0.0.1'], ipv6: [] })
    }
  })

  test('that does not exist, or has no address, is not found', async () => {
    for (const answer of ['missing', []] as const) {
      assert.deepEqual((await resolve(() => answer)).resolution, { kind: 'not_found' })
    }
  })

  test.each(['servfail', 'refused', 'truncated', 'silent'] as const)('%s: fails within 2 s', async (answer) => {
    const { resolution, elapsedMs } = await resolve(() => answer)
    assert.deepEqual(resolution, { kind: 'failed' })
    assert(elapsedMs <= BUDGET_MS + LATE_MS_MAX)
  })

  test('several silent name servers take no longer than 2 s together', async () => {
    const silent: Answer = () => 'silent'
    const { resolution, elapsedMs } = await resolve(silent, silent, silent, silent)
    assert.deepEqual(resolution, { kind: 'failed' })
    assert(elapsedMs <= BUDGET_MS + LATE_MS_MAX)
  })

  test('a slow answer still counts; the slower family is waited for half a second more', async () => {
    const slow = await resolve(({ family }) => ({ answer: family === 4 ? ['11.0.0.1'] : [], delayMs: 300 }))
    assert.deepEqual(slow.resolution, { kind: 'found', ipv4: ['11.0.0.1'], ipv6: [] })

    const oneSilent = await resolve(({ family }) => (family === 4 ? ['11.0.0.1'] : 'silent'))
    assert.deepEqual(oneSilent.resolution, { kind: 'found', ipv4: ['11.0.0.1'], ipv6: [] })
    assert(oneSilent.elapsedMs <= 500 + LATE_MS_MAX)
  })

  test('16 addresses are taken, 17 are a failure', async () => {
    const sixteen = await resolve(({ family }) => (family === 4 ? addresses(16) : []))
    assert(sixteen.resolution.kind === 'found' && sixteen.resolution.ipv4.length === 16)
    const seventeen = await resolve(({ family }) => (family === 4 ? addresses(16) : ['2606:4700::1']))
    assert.deepEqual(seventeen.resolution, { kind: 'failed' })
  })

  test('it is asked for as it is: no search domain is tried', async () => {
    await resolve(() => 'missing')
    assert.deepEqual(
      [...new Set(nameServers.flatMap(({ questions }) => questions.map(({ name }) => name)))],
      ['receiver.zoo-tests.com'],
    )
  })

  test('nothing is remembered between two look-ups', async () => {
    const resolver = await startResolver([({ count }) => [`11.0.0.${count}`]])
    for (const expected of ['11.0.0.1', '11.0.0.2', '11.0.0.3']) {
      const resolution = await resolver.resolve('receiver.zoo-tests.com', '').resolution
      assert(resolution.kind === 'found')
      assert.deepEqual(resolution.ipv4, [expected])
    }
  })
})

describe('look-ups at the same time', () => {
  test('are bounded for each key and for the process, and counted down when they end', async () => {
    const resolver = await startResolver([() => ['11.0.0.1']], { perKeyMax: 2, max: 3 })
    const running = ['a', 'a', 'b'].map((key) => resolver.resolve('receiver.zoo-tests.com', key).resolution)
    assert.equal(resolver.hasRoom('a'), false)
    assert.equal(resolver.hasRoom('b'), false, 'the process is full')
    await Promise.all(running)
    assert.equal(resolver.hasRoom('a'), true)
    assert.equal(resolver.hasRoom('b'), true)
  })

  test('one that is cancelled ends at once and takes no other with it', async () => {
    const resolver = await startResolver([({ name }) => (name === 'silent.zoo-tests.com' ? 'silent' : ['11.0.0.1'])])
    const silent = resolver.resolve('silent.zoo-tests.com', '')
    const other = resolver.resolve('receiver.zoo-tests.com', '')
    silent.cancel()
    assert.deepEqual(await silent.resolution, { kind: 'failed' })
    assert.equal((await other.resolution).kind, 'found')
  })
})
