import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { fastify } from 'fastify'
import { expect, test } from 'vitest'
import { EventStream } from './event-stream.ts'

/** More than the buffers of two sockets and the stream's own bound together. */
const BYTES_MAX = 100_000_000

test('a reader that does not read is cut off, whatever is still written', async () => {
  const stream = new EventStream()
  const http = fastify()
  http.get('/', (_request, reply) => stream.answer(reply))
  const asked = get(await http.listen({ port: 0 }))
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  response.pause()
  const data = 'x'.repeat(100_000)
  let written = 0
  for (; !stream.ended && written < BYTES_MAX; written += data.length) {
    stream.send({ event: 'big', data })
    await setImmediate()
  }
  expect(stream.ended).toBe(true)
  const cut = once(response, 'error')
  response.resume()
  expect((await cut)[0]).toMatchObject({ code: 'ECONNRESET' })
  await http.close()
})
