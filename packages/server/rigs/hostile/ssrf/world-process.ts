import { execFile, spawn } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type NameAnswer, type Question, startNameServer } from '../../../test/receiver-zoo-names.ts'
import { answer } from '../../bench/commands.ts'
import { oneOf, randomOf } from '../../chaos/chance.ts'
import { SERVICE_ADDRESS, WORLD_ADDRESS } from './addresses.ts'
import { CANARIES } from './canaries.ts'
import { NEIGHBOURS } from './registries.ts'

/**
 * The outside world of the service, a network namespace of its own: receivers at public-looking addresses, a name server on
 * port 53, and a canary at every range that nothing may be sent to. It makes the service's namespace, too, and ends with it.
 * Between the two there is a link for what is allowed, and one more for each canary; nowhere is there a default route.
 */

const WORLD_IPV6 = '2a00:77::1'
const SERVICE_IPV6 = '2a00:77::2'
const PLAIN_PORTS = [80, 8080]
const TLS_PORTS = [443, 8443]
const OUTSIDE = ['8.8.8.8', '2001:4860:4860::8888']
const SETTLE_MS = 20
const APART_TRIES = 250

export type ApiCall = { method: string; path: string; key: string; body?: unknown }
export type ApiAnswer = { status: number; body: string }
/** Packets since the start: at each canary, and on the service's loopback. */
export type Packets = { canaries: number[]; loopback: number }
/** What a name leads to: what it is told to, or at each look-up one of these. */
export type NameOrder =
  | { name: string; addresses: readonly string[] }
  | { name: string; seed: number; choices: readonly (readonly string[])[] }

const run = promisify(execFile)
const names = new Map<string, (question: Question) => NameAnswer>()
let service = 0
/** Requests by path. */
const arrived = new Map<string, number>()

const commands = {
  /** @returns the process whose network the service gets */
  open: async (): Promise<number> => {
    const holder = spawn('unshare', ['--net', 'cat'], { stdio: ['pipe', 'ignore', 'inherit'] })
    service = holder.pid ?? 0
    await untilApart(service)
    await batch([], worldCommands())
    await batch(['nsenter', '-t', String(service), '-n'], serviceCommands())
    for (const address of OUTSIDE) await mustHaveNoRoute(address)
    await listen()
    await startNameServer((question) => names.get(question.name)?.(question) ?? 'missing', {
      address: WORLD_ADDRESS,
      port: 53,
    })
    return service
  },
  /** With the wall the service has no way to what is forbidden, not even to itself. */
  wall: async (isUp: boolean): Promise<void> => {
    await batch(
      ['nsenter', '-t', String(service), '-n'],
      isUp ? [...unrouted(), 'link set lo down'] : [...routed(), 'link set lo up'],
    )
  },
  name: (order: NameOrder): void => {
    if ('addresses' in order) names.set(order.name, () => order.addresses)
    else {
      const random = randomOf(order.seed, order.name)
      names.set(order.name, () => oneOf(random, order.choices))
    }
  },
  call: async (call: ApiCall): Promise<ApiAnswer> => await callApi(call),
  packets: (): Packets => ({
    canaries: CANARIES.map((_, index) => received(readFileSync('/proc/net/dev', 'utf8'), `trap${index}`)),
    loopback: received(readFileSync(`/proc/${service}/net/dev`, 'utf8'), 'lo'),
  }),
  arrived: (): Record<string, number> => Object.fromEntries(arrived),
}
export type WorldCommands = typeof commands

/** Resolves when the process has left this namespace. */
async function untilApart(processId: number): Promise<void> {
  for (let tries = 0; tries < APART_TRIES; tries += 1) {
    if (readlinkSync(`/proc/${processId}/ns/net`) !== readlinkSync('/proc/self/ns/net')) return
    await sleep(SETTLE_MS)
  }
  throw new Error('the network namespace of the service was not made')
}

function worldCommands(): string[] {
  const netns = `netns ${service}`
  return [
    'link set lo up',
    `link add pub type veth peer name pub ${netns}`,
    `addr add ${WORLD_ADDRESS}/30 dev pub`,
    `addr add ${WORLD_IPV6}/64 dev pub nodad`,
    'link set pub up',
    ...CANARIES.flatMap(({ range }, index) => {
      const address = linkAddress(index)
      return [
        `link add trap${index} address ${address} type veth peer name trap${index} address ${address} ${netns}`,
        // neither asks nor answers anything by itself: what is counted was sent by the service
        `link set trap${index} addrgenmode none arp off multicast off up`,
        `route add local ${range} dev lo`,
      ]
    }),
    ...NEIGHBOURS.map((address) => `route add local ${address} dev lo`),
  ]
}

function serviceCommands(): string[] {
  return [
    'link set lo up',
    `addr add ${SERVICE_ADDRESS}/30 dev pub`,
    `addr add ${SERVICE_IPV6}/64 dev pub nodad`,
    'link set pub up',
    ...CANARIES.map((_, index) => `link set trap${index} addrgenmode none arp off multicast off up`),
    ...routed(),
    ...NEIGHBOURS.map((address) => `route add ${address} via ${address.includes(':') ? WORLD_IPV6 : WORLD_ADDRESS}`),
  ]
}

function routed(): string[] {
  return CANARIES.map(({ range }, index) => `route add ${range} dev trap${index}`)
}

function unrouted(): string[] {
  return CANARIES.map(({ range }, index) => `route del ${range} dev trap${index}`)
}

function linkAddress(index: number): string {
  return `02:00:00:00:01:${index.toString(16).padStart(2, '0')}`
}

/** Runs `ip` commands one after the other, IPv6 ones by their look. @throws with the one that failed */
async function batch(through: readonly string[], lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    const [command = '', ...args] = [
      ...through,
      'ip',
      ...(line.includes(':') && line.includes('route') ? ['-6'] : []),
      ...line.split(' '),
    ]
    await run(command, args).catch((error: unknown) => {
      throw new Error(`ip ${line}: ${error instanceof Error ? error.message : String(error)}`)
    })
  }
}

async function mustHaveNoRoute(address: string): Promise<void> {
  const route = run('nsenter', ['-t', String(service), '-n', 'ip', 'route', 'get', address])
  const found = await route.then(
    ({ stdout }) => stdout,
    () => null,
  )
  if (found !== null) throw new Error(`there is a way out to ${address}: ${found}`)
}

async function listen(): Promise<void> {
  for (const port of PLAIN_PORTS) {
    const server = createServer({ keepAliveTimeout: 60_000 }, receive)
    await new Promise<void>((resolve) => void server.listen({ port, host: '::' }, resolve))
  }
  for (const port of TLS_PORTS) {
    const server = createTcpServer((socket) => {
      socket.on('error', () => socket.destroy())
      socket.once('data', () => socket.destroy())
    })
    await new Promise<void>((resolve) => void server.listen({ port, host: '::' }, resolve))
  }
}

/** `/ok/…`, and `/redirect/…`, whose query is where it leads. */
function receive(incoming: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(incoming.url ?? '/', 'http://world')
  arrived.set(pathname, (arrived.get(pathname) ?? 0) + 1)
  incoming.resume()
  incoming.on('end', () => {
    if (pathname.startsWith('/redirect/'))
      response.writeHead(302, { location: decodeURIComponent(search.slice(1)) }).end()
    else response.writeHead(200).end()
  })
}

async function callApi({ method, path, key, body }: ApiCall): Promise<ApiAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ApiAnswer>()
  const text = body === undefined ? '' : JSON.stringify(body)
  const headers = {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  }
  const calling = request(
    { host: SERVICE_ADDRESS, port: 8080, method, path: `/api/v1${path}`, headers },
    (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString() }))
    },
  )
  calling.on('error', reject)
  calling.end(text)
  return await promise
}

/** Packets received on a link, as `/proc/net/dev` has them. */
function received(table: string, link: string): number {
  const line = table.split('\n').find((row) => row.trim().startsWith(`${link}:`)) ?? ''
  return Number(
    line
      .trim()
      .slice(link.length + 1)
      .trim()
      .split(/\s+/)[1] ?? 0,
  )
}

answer(commands)
