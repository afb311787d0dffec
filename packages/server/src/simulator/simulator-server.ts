import { hash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from '#src/adapters/clock.ts'
import { parseNpn } from '#src/population/npn.ts'
import { answerAlertCall, type WireAnswer } from './alert-service.ts'
import { answerControlCall, CONTROL_PATH, type Feeds } from './control.ts'
import type { SimulatedFeed } from './simulated-feed.ts'

const ALERTS_PATH = '/pdb-alerts-industry-services/services/industry-ws'
const DETAILS_PATH = '/pdb-xml-reports/entityinfo_xml.cgi'
const BODY_BYTES_MAX = 4 * 1_048_576
/** Longer than a client on a busy machine may be late to notice that its connection is to be used no more. */
const IDLE_MS_MAX = 72_000

export type SimulatorOptions = {
  /** What the feeds' clocks run by. */
  clock: Clock
  /** Whoever has it may define feeds and move their clocks: `authorization: Bearer …`. */
  controlToken: string
}

export type SimulatorServer = {
  /** `http://127.0.0.1:port`: base of the alert service, of the detail reports and of the control calls. */
  url: string
  close(): Promise<void>
}

/** Serves every feed that is defined by control calls, on a loopback port of its own. Source: producersync-api 12. */
export async function startSimulatorServer(options: SimulatorOptions): Promise<SimulatorServer> {
  const simulator = new Simulator(options)
  const server = createServer({ keepAliveTimeout: IDLE_MS_MAX }, (request, response) => {
    simulator.serve(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return { url: urlOf(server), close: () => close(server) }
}

class Simulator {
  readonly #feeds: Feeds = new Map()
  readonly #options: SimulatorOptions

  constructor(options: SimulatorOptions) {
    this.#options = options
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://simulator')
    const body = await readBody(request)
    if (body === undefined) return send(response, plain(413))
    if (pathname.startsWith(CONTROL_PATH))
      return send(response, this.#control(request, pathname.slice(CONTROL_PATH.length), body))
    const feed = this.#feedOf(request.headers.authorization)
    if (feed === undefined) {
      response.setHeader('www-authenticate', 'Basic realm="NIPR"')
      return send(response, plain(401))
    }
    if (pathname === ALERTS_PATH && request.method === 'POST') return send(response, answerAlertCall(feed, body))
    if (pathname === DETAILS_PATH && request.method === 'GET')
      return send(response, detail(feed, searchParams.get('id_entity') ?? ''))
    return send(response, plain(404))
  }

  #control(request: IncomingMessage, path: string, body: Buffer): WireAnswer {
    if (!isEqual(request.headers.authorization ?? '', `Bearer ${this.#options.controlToken}`)) return plain(401)
    const parsed = parseJson(body)
    if (parsed === 'malformed') return plain(400)
    const answer = answerControlCall(this.#feeds, this.#options.clock, request.method ?? '', path, parsed.value)
    if (answer.body === undefined) return plain(answer.status)
    return { status: answer.status, contentType: 'application/json', body: JSON.stringify(answer.body), afterMs: 0 }
  }

  /** The feed whose user and password the request has. */
  #feedOf(authorization = ''): SimulatedFeed | undefined {
    const credentials = /^Basic ([A-Za-z0-9+/=]+)$/.exec(authorization)?.[1] ?? ''
    const [, user = '', password = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(credentials, 'base64').toString()) ?? []
    const feed = this.#feeds.get(user)
    return feed !== undefined && isEqual(password, feed.defined.password) ? feed : undefined
  }
}

function detail(feed: SimulatedFeed, text: string): WireAnswer {
  const npn = parseNpn(text)
  if (npn === undefined) return plain(400)
  const answer = feed.detail(npn)
  if (answer.kind === 'fails') return { ...plain(500), afterMs: answer.afterMs }
  const contentType = answer.isLatin ? 'application/xml; charset=ISO-8859-1' : 'application/xml'
  return { status: 200, contentType, body: answer.xml, afterMs: answer.afterMs }
}

async function send(response: ServerResponse, answer: WireAnswer): Promise<void> {
  if (answer.afterMs > 0) await waitWhileOpen(response, answer.afterMs)
  response.statusCode = answer.status
  if (answer.status !== 204) response.setHeader('content-type', answer.contentType)
  if (typeof answer.body === 'string' || Buffer.isBuffer(answer.body)) response.end(answer.body)
  else await pipeline(Readable.from(answer.body, { objectMode: false }), response)
}

async function waitWhileOpen(response: ServerResponse, ms: number): Promise<void> {
  const closed = new AbortController()
  response.once('close', () => closed.abort())
  await wait(ms, undefined, { signal: closed.signal })
}

/** Undefined when it is too long. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes > BODY_BYTES_MAX) return undefined
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function parseJson(body: Buffer): { value: unknown } | 'malformed' {
  if (body.length === 0) return { value: undefined }
  try {
    return { value: JSON.parse(body.toString()) }
  } catch {
    return 'malformed'
  }
}

function plain(status: number): WireAnswer {
  return { status, contentType: 'text/plain', body: '', afterMs: 0 }
}

function isEqual(given: string, expected: string): boolean {
  return timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', expected, 'buffer'))
}

function urlOf(server: Server): string {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a server without a port')
  return `http://127.0.0.1:${address.port}`
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
