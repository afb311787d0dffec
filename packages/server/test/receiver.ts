import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { check } from '@producersync/webhooks/node'

/** One request as the receiver got it. */
export type ReceivedRequest = {
  messageId: string
  path: string
  headers: IncomingMessage['headers']
  body: Buffer
  verified: boolean
}

/** A status, or what to do with the response: nothing at all hangs. */
export type Reply = number | ((response: ServerResponse, request: ReceivedRequest) => void)

export type Receiver = {
  url: string
  /** `127.0.0.1:port`, as `LOOPBACK_RECEIVERS` names it. */
  address: string
  requests: ReceivedRequest[]
  /** Those whose signature verified. */
  readonly verified: ReceivedRequest[]
  /** Those of them that are no test requests. */
  readonly events: ReceivedRequest[]
  /** How further requests are answered: one after the other, the last for good. */
  answer(...replies: Reply[]): void
  /** Secrets to verify with; known once the endpoint is made. */
  trust(...secrets: string[]): void
  /** Resolves when so many requests have come in all. */
  received(count: number): Promise<void>
  /** Resolves when the condition holds: asked now and after each request. */
  until(condition: () => boolean): Promise<void>
  /** Connections that were made, whatever was sent on them. */
  readonly connections: number
  /** Requests that came while another one of the same message, on the same path, was still open. */
  readonly overlaps: ReceivedRequest[]
  /** Forgets what it got, and answers 200 again: for tests that share a service. */
  reset(): void
  close(): Promise<void>
}

/** A real HTTP receiver on loopback that verifies signatures and answers as told (default: 200). */
export async function startReceiver(options: { replies?: Reply[]; secrets?: string[] } = {}): Promise<Receiver> {
  let replies = options.replies ?? [200]
  let secrets = options.secrets ?? []
  const requests: ReceivedRequest[] = []
  const overlaps: ReceivedRequest[] = []
  const open = new Map<string, number>()
  let connections = 0
  let waiting: { condition: () => boolean; resolve: () => void }[] = []
  const until = (condition: () => boolean) => {
    if (condition()) return Promise.resolve()
    return new Promise<void>((resolve) => waiting.push({ condition, resolve }))
  }
  // not closed while a busy machine is late to notice that a connection is to be used no more
  const server = createServer({ keepAliveTimeout: 300_000 }, (incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const body = Buffer.concat(chunks)
      const verified = secrets.length > 0 && !isForged(body, incoming, secrets)
      const { headers, url: path = '' } = incoming
      const request = { messageId: String(headers['webhook-id']), path, headers, body, verified }
      requests.push(request)
      const delivery = `${path} ${request.messageId}`
      if (open.has(delivery)) overlaps.push(request)
      enter(open, delivery)
      response.on('close', () => leave(open, delivery))
      const reply = replies.length > 1 ? replies.shift() : replies[0]
      if (typeof reply === 'function') reply(response, request)
      else response.writeHead(reply ?? 200).end()
      const ready = waiting.filter(({ condition }) => condition())
      waiting = waiting.filter((waiter) => !ready.includes(waiter))
      for (const { resolve } of ready) resolve()
    })
  })
  server.on('connection', () => {
    connections += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/webhooks`,
    address: `127.0.0.1:${port}`,
    requests,
    get verified() {
      return requests.filter((request) => request.verified)
    },
    get events() {
      return requests.filter(({ verified, headers }) => verified && headers['webhook-trigger'] !== 'test')
    },
    answer(...next) {
      replies = next
    },
    trust(...next) {
      secrets = next
    },
    received: (count) => until(() => requests.length >= count),
    until,
    get connections() {
      return connections
    },
    overlaps,
    reset() {
      replies = [200]
      requests.length = 0
      overlaps.length = 0
    },
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

function enter(open: Map<string, number>, delivery: string): void {
  open.set(delivery, (open.get(delivery) ?? 0) + 1)
}

function leave(open: Map<string, number>, delivery: string): void {
  const left = (open.get(delivery) ?? 0) - 1
  if (left > 0) open.set(delivery, left)
  else open.delete(delivery)
}

/** Payloads of any form are sent to receivers here, so a body that is no envelope is no forgery. */
function isForged(body: Buffer, incoming: IncomingMessage, secrets: string[]): boolean {
  const result = check(body, incoming.headers, {
    secrets,
    now: new Date(Number(incoming.headers['webhook-timestamp']) * 1000),
  })
  return !result.ok && result.code !== 'invalid_event'
}
