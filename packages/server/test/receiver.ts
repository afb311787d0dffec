import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { check } from '@producersync/webhooks/node'

/** One request as the receiver got it. */
export type ReceivedRequest = {
  messageId: string
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
  /** How further requests are answered: one after the other, the last for good. */
  answer(...replies: Reply[]): void
  /** Secrets to verify with; known once the endpoint is made. */
  trust(...secrets: string[]): void
  /** Resolves when so many requests have come in all. */
  received(count: number): Promise<void>
  close(): Promise<void>
}

/** A real HTTP receiver on loopback that verifies signatures and answers as told (default: 200). */
export async function startReceiver(options: { replies?: Reply[]; secrets?: string[] } = {}): Promise<Receiver> {
  let replies = options.replies ?? [200]
  let secrets = options.secrets ?? []
  const requests: ReceivedRequest[] = []
  let waiting: { count: number; resolve: () => void }[] = []
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const body = Buffer.concat(chunks)
      const verified = secrets.length > 0 && !isForged(body, incoming, secrets)
      const request = { messageId: String(incoming.headers['webhook-id']), headers: incoming.headers, body, verified }
      requests.push(request)
      const reply = replies.length > 1 ? replies.shift() : replies[0]
      if (typeof reply === 'function') reply(response, request)
      else response.writeHead(reply ?? 200).end()
      for (const waiter of waiting) if (requests.length >= waiter.count) waiter.resolve()
      waiting = waiting.filter((waiter) => requests.length < waiter.count)
    })
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
    answer(...next) {
      replies = next
    },
    trust(...next) {
      secrets = next
    },
    received(count) {
      if (requests.length >= count) return Promise.resolve()
      return new Promise((resolve) => waiting.push({ count, resolve }))
    },
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** Payloads of any form are sent to receivers here, so a body that is no envelope is no forgery. */
function isForged(body: Buffer, incoming: IncomingMessage, secrets: string[]): boolean {
  const result = check(body, incoming.headers, { secrets, now: new Date(Number(incoming.headers['webhook-timestamp']) * 1000) })
  return !result.ok && result.code !== 'invalid_event'
}
