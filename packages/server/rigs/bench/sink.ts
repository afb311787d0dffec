import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { SINK_ADDRESSES } from './addresses.ts'
import { answer, tell } from './commands.ts'
import { monotonicMs } from './monotonic.ts'
import { ID_BYTES, Notebook } from './notebook.ts'

/**
 * The receiver of a run, as cheap as one can be: bytes from raw sockets, of which nothing is read but what has to be known.
 * `/e/N` is endpoint N of the service; every other path is the bare sender's, which is counted and not noted.
 */

const OK = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
const HEAD_END = Buffer.from('\r\n\r\n')
const CONTENT_LENGTH = Buffer.from('\r\ncontent-length: ')
const WEBHOOK_ID = Buffer.from('\r\nwebhook-id: msg_')
const PATH_AT = 'POST '.length
const NUMBER_AT = 'POST /e/'.length
const ENDPOINT = 0x65 // e
const ZERO = 0x30
const PROGRESS_MS = 10

let notebook = new Notebook()
let bare = 0
let hung = 0
/** Endpoints whose number this divides do not answer; 0: all answer. */
let hangEvery = 0
let progress: NodeJS.Timeout | undefined
const sockets = new Set<Socket>()
/** One list a port: a server for each address. */
const ports: Server[][] = []
let load = performance.eventLoopUtilization()

const commands = {
  /** @returns a port that is open on every address */
  listen: async (): Promise<number> => {
    const servers: Server[] = []
    ports.push(servers)
    let port = 0
    for (const host of SINK_ADDRESSES) {
      const server = createServer({ noDelay: true }, serve).listen({ port, host, backlog: 4_096 })
      servers.push(server)
      await once(server, 'listening')
      port = portOf(server)
    }
    return port
  },
  /** The last port that was opened answers nobody any more. */
  die: (): void => {
    for (const server of ports.pop() ?? []) {
      const port = portOf(server)
      server.close()
      for (const socket of sockets) if (socket.localPort === port) socket.destroy()
    }
  },
  forget: (): void => {
    notebook = new Notebook()
    bare = 0
    hung = 0
  },
  hang: (every: number): void => {
    hangEvery = every
  },
  /** `load`: the share of time since the last count in which it had something to do. */
  count: () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, load)
    load = now
    return { received: notebook.size, bare, hung, connections: sockets.size, load: utilization, atMs: monotonicMs() }
  },
  tellProgress: (on: boolean): void => {
    clearInterval(progress)
    progress = on ? setInterval(() => tell({ progress: notebook.size }), PROGRESS_MS) : undefined
  },
  /** Lines: message id, when the first byte came, number of the endpoint. @returns how many */
  write: (path: string): number => {
    notebook.write(path)
    return notebook.size
  },
}
export type SinkCommands = typeof commands

answer(commands)

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

function serve(socket: Socket): void {
  let rest: Buffer | undefined
  let firstByteAt = 0
  sockets.add(socket)
  socket.on('close', () => sockets.delete(socket))
  socket.on('error', () => {}) // its close follows
  socket.on('data', (chunk: Buffer) => {
    if (!rest) firstByteAt = monotonicMs()
    const bytes = rest ? Buffer.concat([rest, chunk]) : chunk
    let start = 0
    while (start < bytes.length) {
      const end = endOf(bytes, start)
      if (end < 0 || end > bytes.length) break
      if (take(bytes, start, firstByteAt)) socket.write(OK)
      start = end
    }
    rest = start === bytes.length ? undefined : bytes.subarray(start)
  })
}

/** @returns where the request that begins at `start` ends; -1: not known yet */
function endOf(bytes: Buffer, start: number): number {
  const headEnd = bytes.indexOf(HEAD_END, start)
  if (headEnd < 0) return -1
  const length = bytes.indexOf(CONTENT_LENGTH, start)
  if (length < 0 || length > headEnd) return headEnd + HEAD_END.length
  return headEnd + HEAD_END.length + numberAt(bytes, length + CONTENT_LENGTH.length)
}

/** @returns whether it is answered */
function take(bytes: Buffer, start: number, firstByteAt: number): boolean {
  if (bytes[start + PATH_AT + 1] !== ENDPOINT) {
    bare += 1
    return true
  }
  const endpoint = numberAt(bytes, start + NUMBER_AT)
  if (hangEvery > 0 && endpoint % hangEvery === 0) {
    hung += 1
    return false
  }
  const id = bytes.indexOf(WEBHOOK_ID, start)
  if (id >= 0 && id + WEBHOOK_ID.length + ID_BYTES <= bytes.length) {
    notebook.add(bytes, id + WEBHOOK_ID.length, firstByteAt, endpoint)
  }
  return true
}

function numberAt(bytes: Buffer, start: number): number {
  let value = 0
  for (let at = start; ; at += 1) {
    const digit = (bytes[at] ?? 0) - ZERO
    if (digit < 0 || digit > 9) return value
    value = value * 10 + digit
  }
}
