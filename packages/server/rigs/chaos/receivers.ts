import { hash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { verify } from '@producersync/webhooks/node'
import type { ConnectionOwners } from './connections.ts'
import type { Connection, Ledger, Line } from './ledger.ts'
import type { Reply } from './replies.ts'

export type ReceiversParts = {
  ledger: Ledger
  owners: ConnectionOwners
  /** Milliseconds of the ledger's clock. */
  now: () => number
  /** The signing secret of each endpoint. */
  secrets: readonly string[]
  replyTo: (uid: string, endpoint: number, requestsBefore: number) => Reply
}

/**
 * After a takeover hundreds of connections come at once. Node takes in one for each listener and turn of its loop (libuv 1.49
 * and later); what waits longer than its sender would be read when nobody is there any more.
 */
const LISTENERS = 32
const BACKLOG = 4_096

/** All receivers of a run: some listeners, a path for each endpoint. Every request becomes a line of the ledger. */
export class Receivers {
  readonly #parts: ReceiversParts
  readonly #servers: readonly Server[]
  readonly #connections = new WeakMap<Socket, Connection>()
  readonly #requests = new Map<string, number>()
  readonly #tested = new Set<number>()
  #testedAll = Promise.withResolvers<void>()

  private constructor(parts: ReceiversParts) {
    this.#parts = parts
    this.#servers = Array.from({ length: LISTENERS }, () => {
      // senders end idle connections, never these: a request that meets a closing one would be sent twice
      const server = createServer({ keepAliveTimeout: 300_000, requestTimeout: 0 }, (request, response) =>
        this.#receive(request, response),
      )
      return server.on('connection', (socket: Socket) => {
        this.#connections.set(socket, parts.owners.open(socket.remotePort ?? 0, socket.localPort ?? 0))
      })
    })
  }

  static async start(parts: ReceiversParts): Promise<Receivers> {
    const receivers = new Receivers(parts)
    for (const server of receivers.#servers) {
      server.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG })
      await once(server, 'listening')
    }
    return receivers
  }

  /** `address:port` of each listener. */
  get addresses(): string[] {
    return this.#servers.map((server) => {
      const { address, port } = server.address() as AddressInfo // listening on a port
      return `${address}:${port}`
    })
  }

  urlOf(endpoint: number): string {
    return `http://${this.addresses[endpoint % LISTENERS]}/${endpoint}`
  }

  /** Resolves when each endpoint has had its test request: only then is it trusted with more than one a second. */
  async tested(): Promise<void> {
    await this.#testedAll.promise
  }

  async close(): Promise<void> {
    for (const server of this.#servers) {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    }
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const endpoint = Number(request.url?.slice(1))
    if (request.headers['webhook-trigger'] === 'test') {
      this.#answerTest(request, response, endpoint)
      return
    }
    const { ledger, now } = this.#parts
    const connection = this.#connections.get(request.socket) ?? { owner: null }
    const messageId = String(request.headers['webhook-id'])
    const line = ledger.begin({ endpoint, messageId, connection, beginMs: now() })
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => this.#judge(line, request, response, Buffer.concat(chunks)))
    response.on('close', () => {
      line.endMs ??= now()
    })
  }

  #answerTest(request: IncomingMessage, response: ServerResponse, endpoint: number): void {
    request.resume()
    response.writeHead(200).end()
    this.#tested.add(endpoint)
    if (this.#tested.size === this.#parts.secrets.length) this.#testedAll.resolve()
  }

  #judge(line: Line, request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const { secrets, replyTo } = this.#parts
    line.bodyHash = hash('sha256', body, 'base64')
    const uid = uidOf(body, request, secrets[line.endpoint])
    line.verified = uid !== undefined
    const delivery = `${line.endpoint} ${line.messageId}`
    const requestsBefore = this.#requests.get(delivery) ?? 0
    this.#requests.set(delivery, requestsBefore + 1)
    const reply = replyTo(uid ?? '', line.endpoint, requestsBefore)
    if (reply.kind === 'hang') return
    const answer = () => this.#answer(line, request.socket, response, reply.status)
    if (reply.afterMs > 0) setTimeout(answer, reply.afterMs)
    // a request that waited long to be read: that its sender has gone comes one turn later
    else setImmediate(() => setImmediate(answer))
  }

  #answer(line: Line, socket: Socket, response: ServerResponse, status: number): void {
    // a sender that waits keeps its side open: one that has closed it went before its request was read
    if (line.endMs !== null || socket.readableEnded || socket.destroyed) {
      line.endMs ??= this.#parts.now()
      line.readTooLate = true
      return
    }
    line.status = status
    line.endMs = this.#parts.now()
    response.writeHead(status).end()
  }
}

/** The publisher's id in a body whose signature holds. */
function uidOf(body: Buffer, request: IncomingMessage, secret = ''): string | undefined {
  try {
    const event = verify(body, request.headers, { secrets: secret })
    return typeof event === 'object' && event !== null && 'uid' in event ? String(event.uid) : undefined
  } catch {
    return undefined
  }
}
