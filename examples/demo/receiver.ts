import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { check } from '@producersync/webhooks/node'
import type { Ledger, Mood, News, Order, ReceivedRequest } from './ledger.ts'
import { NPN_EVENT } from './ledger.ts'

/**
 * The demo's receiver, a process of its own: verifies what comes, answers as it is told to, and writes everything down.
 * Started by the demo with an IPC channel, over which it gets its orders; ends when the channel closes.
 */

const PROGRESS_MS = 50
/** A connection that a killed process had made is accepted by then; a new process takes longer to start. */
const LEFTOVERS_MS = 50
/** Longer than the sender keeps a connection: it never meets one that is just being closed. */
const IDLE_MS = 120_000

const ledger: Ledger = { requests: [], killedAtMs: [] }
const delivered = new Set<string>()
const generations = new WeakMap<Socket, number>()
const watched = new Set<number>()
let secret = ''
let mood: Mood = 'well'
let generation = 0
let isSilent = false // since a kill, until the first delivery after it
let toldOf = 0

const server = createServer((incoming, response) => {
  take(incoming, response).catch(() => response.destroy()) // the sender has gone, half-way
})
server.keepAliveTimeout = IDLE_MS
server.on('connection', (socket) => generations.set(socket, generation))

async function take(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await buffer(incoming)
  const verdict = check(body, incoming.headers, { secrets: secret })
  const messageId = String(incoming.headers['webhook-id'] ?? '')
  const request: ReceivedRequest = {
    messageId,
    timestamp: Number(incoming.headers['webhook-timestamp']),
    generation: generations.get(incoming.socket) ?? generation,
    unverified: verdict.ok ? null : verdict.code,
    event: verdict.ok ? npnEventOf(verdict.event) : null,
    answer: null,
    answeredAtMs: null,
  }
  ledger.requests.push(request)
  if (!verdict.ok) {
    answer(request, response, 401)
    return tell({ kind: 'unverified', why: `${verdict.code}: ${verdict.message}` })
  }
  if (!verdict.event.type.startsWith(NPN_EVENT)) {
    answer(request, response, 200)
    if (verdict.event.type === 'webhook.ping') tell({ kind: 'ping_taken' })
    return
  }
  if (mood === 'hanging') return
  answer(request, response, mood === 'well' ? 200 : 503)
  if (request.answer === 200) deliver(request)
}

function answer(request: ReceivedRequest, response: ServerResponse, status: number): void {
  request.answer = status
  request.answeredAtMs = performance.now()
  response.writeHead(status).end()
}

function deliver({ messageId, generation: from }: ReceivedRequest): void {
  delivered.add(messageId)
  for (const deliveries of watched) sayIfReached(deliveries)
  if (!isSilent || from !== generation) return
  isSilent = false
  tell({ kind: 'delivering_again' })
}

function sayIfReached(deliveries: number): void {
  if (delivered.size < deliveries) return
  watched.delete(deliveries)
  tellProgress()
  tell({ kind: 'reached', deliveries })
}

function npnEventOf(event: { id: string; type: string; data: object }): ReceivedRequest['event'] {
  if (!event.type.startsWith(NPN_EVENT) || !('npn' in event.data)) return null
  return { id: event.id, type: event.type, npn: String(event.data.npn) }
}

function tellProgress(): void {
  const { length: requests } = ledger.requests
  if (requests === toldOf) return
  toldOf = requests
  tell({ kind: 'progress', requests, delivered: delivered.size })
}

function tell(news: News): void {
  process.send?.(news)
}

function obey(order: Order): void {
  switch (order.kind) {
    case 'trust':
      secret = order.secret
      return
    case 'be':
      mood = order.mood
      return
    case 'watch':
      watched.add(order.deliveries)
      sayIfReached(order.deliveries)
      return
    case 'killed':
      ledger.killedAtMs.push(performance.now())
      setTimeout(() => {
        generation += 1
        isSilent = true
        tell({ kind: 'kill_noted' })
      }, LEFTOVERS_MS)
      return
    case 'show_ledger':
      tell({ kind: 'ledger', ledger })
      return
    default:
      order satisfies never
  }
}

process.on('message', (message) => obey(message as Order)) // from the demo, of this release
process.once('disconnect', () => process.exit())
process.on('SIGINT', () => {}) // Ctrl-C is for the demo, which ends this process
setInterval(tellProgress, PROGRESS_MS)
server.listen(0, '127.0.0.1', () => tell({ kind: 'listening', port: (server.address() as AddressInfo).port }))
