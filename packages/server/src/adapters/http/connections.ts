import { randomUUID } from 'node:crypto'
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { badRequest, managementBody, type Problem, problemOf } from './problem.ts'

/** A body larger than this that nobody reads is not worth keeping its connection for. */
const UNREAD_BYTES_MAX = 65_536
/** How long a refused sender gets to notice the answer before its connection is cut. */
const LINGER_MS = 500

const NO_HTTP = badRequest('This is not a valid HTTP request.')

/** Sent with every answer; pages for people set their own. Source: webhook-api 1, reliability-security T14. */
export const STANDARD_HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'strict-transport-security': 'max-age=31536000',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
} as const

/** Names a request in answers and logs; never the client's own. */
export function newRequestId(): string {
  return `req_${randomUUID()}`
}

/** What one connection has carried: how many requests, and the last of them. */
type Use = { requests: number; request: IncomingMessage; response: ServerResponse }
const uses = new WeakMap<Socket, Use>()

/** Notes that a request has come over its connection; says how many that makes. */
export function countRequest(request: IncomingMessage, response: ServerResponse): number {
  const use = uses.get(request.socket)
  if (use === undefined) {
    uses.set(request.socket, { requests: 1, request, response })
    return 1
  }
  use.requests += 1
  use.request = request
  use.response = response
  return use.requests
}

/** Answers what never becomes a request: broken HTTP, too large a head, too slow a sender. */
export function refuseBrokenRequest(error: Error, socket: Socket): void {
  const use = uses.get(socket)
  socket.pause()
  if (use?.request.complete && !use.response.closed) {
    // what broke follows a request that is still being answered
    use.response.once('close', () => endWith(socket, problemOf(error) ?? NO_HTTP))
  } else {
    endWith(socket, problemOf(error) ?? NO_HTTP)
  }
}

/** Requests that Node answers without a body, or by hanging up, when nobody listens for them. */
export function refuseOddRequests(server: Server): void {
  server.on('checkExpectation', ({ socket }: IncomingMessage) => {
    endWith(socket, { status: 417, code: 'generic_error', detail: 'The expectation cannot be met.' })
  })
  server.on('connect', (_request: IncomingMessage, socket: Socket) => {
    endWith(socket, { status: 405, code: 'method_not_allowed', detail: 'This is no proxy.' })
  })
}

/** Is a body on its way that is too large to be read for nothing (or does not say how large it is)? */
export function hasUnreadBody(request: IncomingMessage): boolean {
  if (request.complete || request.readableEnded) return false
  return (
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length']) > UNREAD_BYTES_MAX
  )
}

/**
 * An answer to a request whose body is not read: it is sent at once and ends when the sender stops, has sent 64 KiB more, or
 * half a second is over. Cut earlier, the answer could be lost: what arrives on a closed connection resets it.
 */
export function lingering(answer: string | Buffer, request: IncomingMessage): Readable {
  const stream = new Readable({ read() {} })
  stream.push(answer)
  let left = UNREAD_BYTES_MAX
  const finish = () => {
    clearTimeout(timer)
    request.off('data', count).off('end', finish).off('close', finish).off('error', finish)
    request.pause()
    if (!stream.readableEnded) stream.push(null)
  }
  const count = (chunk: Buffer) => {
    left -= chunk.length
    if (left <= 0) request.pause()
  }
  const timer = setTimeout(finish, LINGER_MS)
  request.on('data', count).once('end', finish).once('close', finish).once('error', finish)
  request.resume()
  return stream
}

/** The last answer of a connection, unless it has had that already. */
function endWith(socket: Socket, problem: Problem): void {
  if (socket.writable) socket.end(rawAnswer(problem))
  socket.destroySoon()
}

function rawAnswer(problem: Problem): string {
  const body = JSON.stringify(managementBody(problem))
  const headers = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'x-request-id': newRequestId(),
    ...STANDARD_HEADERS,
    connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}\r\n${lines.join('')}\r\n${body}`
}
