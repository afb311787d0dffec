import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FaultProxy, type Place } from './proxy.ts'

const PROXY: Place = { path: `\0producersync-chaos-test-${process.pid}` }
const TARGET: Place = { path: `\0producersync-chaos-target-${process.pid}` }

let target: Server
let proxy: FaultProxy
/** What the target has heard, in order; it answers each with the same. */
let heard: string
let changed: () => void
let client: Socket
let answered: string

beforeEach(async () => {
  heard = ''
  answered = ''
  changed = () => {}
  target = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      heard += bytes.toString()
      socket.write(bytes)
      changed()
    })
  })
  target.listen(TARGET)
  await once(target, 'listening')
  proxy = await FaultProxy.start(PROXY, TARGET)
  client = connect(PROXY)
  client.on('data', (bytes) => {
    answered += bytes.toString()
    changed()
  })
})
afterEach(async () => {
  client.destroy()
  await proxy.close()
  target.close()
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise<void>((resolve) => {
      changed = resolve
    })
  }
}

/** Whatever could pass by another connection of the same target has passed. */
async function roundTrip(): Promise<void> {
  const other = connect(TARGET)
  other.write('.')
  await once(other, 'data')
  other.destroy()
}

test('bytes pass both ways', async () => {
  client.write('one')
  await until(() => answered === 'one')
  expect(heard).toBe('one')
})

test('silenced both ways nothing passes; healed, what was sent arrives, although its sender has gone', async () => {
  client.write('one')
  await until(() => answered === 'one')
  proxy.silence('both_ways')
  client.write('two')
  client.end()
  await roundTrip()
  expect(heard).toBe('one.')
  client.destroy()
  proxy.heal()
  await until(() => heard.endsWith('two'))
  expect(answered).toBe('one')
})

test('with replies lost, requests arrive and answers come when it is healed', async () => {
  client.write('one')
  await until(() => answered === 'one')
  proxy.silence('replies')
  client.write('two')
  await until(() => heard === 'onetwo')
  await roundTrip()
  expect(answered).toBe('one')
  proxy.heal()
  await until(() => answered === 'onetwo')
})

test('a new connection waits until the silence is over', async () => {
  proxy.silence('both_ways')
  const late = connect(PROXY)
  await once(late, 'connect')
  late.write('late')
  await roundTrip()
  expect(heard).toBe('.')
  proxy.heal()
  await until(() => heard === '.late')
  late.destroy()
})
