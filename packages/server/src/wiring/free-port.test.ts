import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { freePort } from './free-port.ts'

const HOST = '127.0.0.1'

async function listening(port: number): Promise<() => void> {
  const server = createServer().listen(port, HOST)
  await once(server, 'listening')
  return () => server.close()
}

test('a port that the system has chosen is nobody else’s until it is left', async () => {
  const { port, leave } = await freePort(HOST, 0, true)
  await expect(listening(port)).rejects.toMatchObject({ code: 'EADDRINUSE' })
  await leave()
  await leave()
  const close = await listening(port)
  close()
})

test('of a port that was wanted but not asked for the next free one is taken; one that was asked for is needed', async () => {
  const { port, leave } = await freePort(HOST, 0, true)
  await expect(freePort(HOST, port, true)).rejects.toMatchObject({ code: 'EADDRINUSE' })
  expect((await freePort(HOST, port, false)).port).toBeGreaterThan(port)
  await leave()
})
