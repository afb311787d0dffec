import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Trouble } from '../index.ts'
import { examples, signedRequest } from '../testing.ts'
import { createReceiver } from './node-http.ts'

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const troubles: Trouble[] = []
const server = createServer(createReceiver({ secrets: secret, onError: (trouble) => troubles.push(trouble) }))

beforeEach(async () => {
  troubles.length = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

/** Opens a connection and sends the head of a signed webhook. */
async function begin() {
  const request = await signedRequest(examples['producersync.npn.activated'], secret)
  const { port } = server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1').setEncoding('utf8')
  let answer = ''
  socket.on('data', (text: string) => {
    answer += text
  })
  const headers = [...request.headers].map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.write(`POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n${headers}\r\n`)
  return { socket, answer: () => answer }
}

test('a body over maxBytes that has not ended is answered, and its connection closed', async () => {
  const { socket, answer } = await begin()
  const closed = once(socket, 'close')
  socket.write(`100001\r\n${'x'.repeat(0x100001)}\r\n`)
  await closed
  expect(answer()).toContain('HTTP/1.1 401')
  expect(answer()).toContain('connection: close')
  expect(answer()).toContain('{"code":"body_too_large"}')
})

test('a body that is cut off is told of, and harms nothing', async () => {
  const { socket } = await begin()
  socket.write('5\r\n{"id"\r\n')
  await once(server, 'request')
  socket.destroy()
  await expect.poll(() => troubles).toMatchObject([{ kind: 'failed', error: expect.any(Error) }])
  const after = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, {
    method: 'POST',
    body: '{}',
  })
  expect(after.status).toBe(401)
})
