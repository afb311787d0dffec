import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Routes } from './connections.ts'
import { Destinations } from './destinations.ts'
import { Line } from './line.ts'

const server = createServer()
let origin = ''

beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  origin = `127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => void server.close())

test('idle connections stay within their bound when many become idle at once', async () => {
  const unlimited = { inFlightMax: 100, perSecondMax: 100 }
  const routes = new Routes(
    { idleLinesMax: 2, routesMax: 10 },
    new Destinations({ host: unlimited, address: unlimited }),
  )
  const policy = { httpAllowed: true, loopbackReceivers: new Set([origin]), refusedRanges: [], ownNames: [] }
  const route = routes.get('endpoint', `http://${origin}/`, policy)
  if (!route) throw new Error('the policy refuses the receiver')
  const lines: Line[] = []
  while (lines.length < 5) {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    await once(socket, 'connect')
    const line = new Line(socket, { address: '127.0.0.1', security: null }, route.origin, routes.closed)
    routes.opened(line)
    lines.push(line)
  }

  for (const line of lines) routes.putIdle(route, line)

  expect(lines.map(({ isOpen }) => isOpen)).toEqual([false, false, false, true, true])
  expect(route.idleLines).toEqual(lines.slice(3))
  await routes.close()
})
