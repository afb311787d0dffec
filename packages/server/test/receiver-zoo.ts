import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib'
import { expired, trusted, untrusted, wrongName } from './receiver-zoo-certificates.ts'

/** One request as a receiver saw it. */
export type SeenRequest = {
  behaviour: string
  /** Where it came in: `http`, or the behaviour that has the port. */
  port: string
  /** Counts the connections of the zoo, from 1. */
  connection: number
  /** Counts the requests of this connection, from 1. */
  turn: number
  head: string
  body: Buffer
}

/** What `script` answers: pieces of Latin-1 text, a turn of the event loop apart, and then how it goes on. */
export type Script = { pieces: string[]; ending: 'stay' | 'end' | 'reset' }

type Respond = (socket: Socket, request: SeenRequest) => void

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
const CHUNK = Buffer.alloc(16_384, 'x')
const TRICKLE_MS = 20

/** Receivers that answer a whole request over plain HTTP, by the first part of the path. */
const behaviours = {
  ok: say(OK),
  echo: (socket, { body }) =>
    say(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body.toString()}`)(socket),
  created: say('HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n'),
  'no-content': say('HTTP/1.1 204 No Content\r\n\r\n'),
  'old-http': say('HTTP/1.0 200 OK\r\n\r\nuntil the end', (socket) => socket.end()),
  'close-after': say('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok', (socket) => socket.end()),
  // a status of the path: /status/503
  status: (socket, { head }) =>
    say(`HTTP/1.1 ${readPart(head, 2)} Some Reason\r\ncontent-length: 4\r\n\r\nbody`)(socket),
  'retry-after-seconds': say('HTTP/1.1 503 Busy\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n'),
  'retry-after-date': say(
    'HTTP/1.1 429 Busy\r\nretry-after: Thu, 01 Jan 2026 00:02:00 GMT\r\ncontent-length: 0\r\n\r\n',
  ),
  'retry-after-nonsense': say('HTTP/1.1 503 Busy\r\nretry-after: -5\r\ncontent-length: 0\r\n\r\n'),
  'many-headers': say(
    `HTTP/1.1 200 OK\r\n${Array.from({ length: 80 }, (_, index) => `x-${index}: ${index}\r\n`).join('')}content-length: 0\r\n\r\n`,
  ),

  // connections that go away (F27, F28, F41)
  'reset-before-byte': (socket) => socket.resetAndDestroy(),
  'close-before-byte': (socket) => socket.end(),
  'reset-on-reuse': (socket, { turn }) => (turn === 1 ? say(OK)(socket) : socket.resetAndDestroy()),
  'close-on-reuse': (socket, { turn }) => (turn === 1 ? say(OK)(socket) : socket.end()),
  'reset-unless-first': (socket, { body }) =>
    body.toString() === 'first' ? say(OK)(socket) : socket.resetAndDestroy(),
  'idle-close': say(OK, (socket) => setImmediate(() => socket.end())),
  'reset-in-head': say('HTTP/1.1 200 OK\r\ncontent-le', resetSoon),
  'close-in-head': say('HTTP/1.1 200 OK\r\ncontent-le', (socket) => socket.end()),
  'reset-in-body': say('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nten bytes.', resetSoon),
  'close-in-body': say('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nten bytes.', (socket) => socket.end()),
  'reset-in-chunks': say('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\nten bytes.\r\n', resetSoon),
  'reset-in-error-body': say('HTTP/1.1 500 No\r\ncontent-length: 1000\r\n\r\nten bytes.', resetSoon),

  // slow ones (F29, F30)
  silent: () => undefined,
  'trickled-head': (socket) => trickle(socket, `HTTP/1.1 200 OK\r\nx-filler: ${'x'.repeat(10_000)}\r\n\r\n`),
  'trickled-body': say('HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n', (socket) =>
    trickle(socket, 'x'.repeat(10_000)),
  ),
  'trickled-error-body': say('HTTP/1.1 500 No\r\ncontent-length: 10000\r\n\r\n', (socket) =>
    trickle(socket, 'x'.repeat(10_000)),
  ),
  'stalled-body': say('HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n'),

  // endless and huge ones (F31, F32, F33)
  'endless-body': say('HTTP/1.1 200 OK\r\n\r\n', pour(CHUNK)),
  'endless-chunks': say(
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n',
    pour(Buffer.concat([Buffer.from(`${CHUNK.length.toString(16)}\r\n`), CHUNK, Buffer.from('\r\n')])),
  ),
  'endless-error-body': say('HTTP/1.1 500 No\r\n\r\n', pour(CHUNK)),
  'huge-length': say('HTTP/1.1 200 OK\r\ncontent-length: 9007199254740991\r\n\r\n', pour(CHUNK)),
  'endless-chunk-extension': say('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;x=', pour(CHUNK)),
  'endless-trailer': say('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-trailer: ', pour(CHUNK)),
  'gzip-bomb': sayCompressed('gzip', gzipSync),
  'deflate-bomb': sayCompressed('deflate', deflateSync),
  'brotli-bomb': sayCompressed('br', (data) =>
    brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
  ),

  // heads that are too large (F34)
  'oversized-header': say(`HTTP/1.1 200 OK\r\nx-large: ${'x'.repeat(20_000)}\r\n\r\n`),
  'oversized-head': say(`HTTP/1.1 200 OK\r\n${'x-more: and more\r\n'.repeat(2_000)}\r\n`),
  'endless-header': say('HTTP/1.1 200 OK\r\nx-large: ', pour(CHUNK)),
  'endless-header-name': say('HTTP/1.1 200 OK\r\n', pour(CHUNK)),
  'endless-headers': say('HTTP/1.1 200 OK\r\n', pour(Buffer.from('x-more: and more\r\n'.repeat(500)))),
  'endless-reason': say('HTTP/1.1 200 ', pour(CHUNK)),
  'slow-endless-reason': (socket) => trickle(socket, `HTTP/1.1 200 ${'x'.repeat(60_000)}`, 4_000),

  // what is no HTTP response (F35, F40)
  'not-http': say('SSH-2.0-OpenSSH_9.9\r\n'),
  'no-status-line': say('content-length: 2\r\n\r\nok'),
  'only-line-feeds': say('\n\n\n\n\n\n\n\nthis is not a response\n'),
  'binary-garbage': (socket) =>
    socket.write(Buffer.from(Array.from({ length: 512 }, (_, index) => (index * 151 + 3) % 256))),
  'status-zero': say('HTTP/1.1 000 No\r\ncontent-length: 2\r\n\r\nok'),
  'status-too-low': say('HTTP/1.1 099 No\r\ncontent-length: 2\r\n\r\nok'),
  'status-too-high': say('HTTP/1.1 600 No\r\ncontent-length: 2\r\n\r\nok'),
  'status-of-two-digits': say('HTTP/1.1 20 OK\r\ncontent-length: 2\r\n\r\nok'),
  'status-of-four-digits': say('HTTP/1.1 2000 OK\r\ncontent-length: 2\r\n\r\nok'),
  'status-of-letters': say('HTTP/1.1 OK\r\ncontent-length: 2\r\n\r\nok'),
  'length-and-chunked': say(
    'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  ),
  'two-lengths': say('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok!'),
  'bad-length': say('HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\nok'),
  'negative-length': say('HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok'),
  'too-large-length': say('HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\nok'),
  'nul-in-header': say('HTTP/1.1 200 OK\r\nx-header: a\0b\r\ncontent-length: 2\r\n\r\nok'),
  'carriage-return-in-header': say('HTTP/1.1 200 OK\r\nx-header: a\rb\r\ncontent-length: 2\r\n\r\nok'),
  'space-in-header-name': say('HTTP/1.1 200 OK\r\nx header: a\r\ncontent-length: 2\r\n\r\nok'),
  'no-header-name': say('HTTP/1.1 200 OK\r\n: a\r\ncontent-length: 2\r\n\r\nok'),
  'h2-only': (socket) =>
    socket.end(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13])),
  'bad-chunk-size': say('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\nok\r\n'),

  // interim responses and upgrades (F36, F37)
  'continue-then-ok': say(`HTTP/1.1 100 Continue\r\n\r\n${OK}`),
  'continue-in-bytes': (socket) => trickle(socket, `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100\r\nx: y\r\n\r\n${OK}`, 1),
  'hints-then-ok': say(`HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${OK}`),
  'interim-only': say('HTTP/1.1 102 Processing\r\n\r\n'),
  'continue-flood': pour(Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'.repeat(400))),
  'processing-flood': pour(Buffer.from('HTTP/1.1 102 Processing\r\n\r\n'.repeat(400))),
  'hints-flood': pour(Buffer.from('HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n'.repeat(200))),
  'slow-interim-flood': (socket) => trickle(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(1_000), 28),
  upgrade: say('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'),
  'bare-upgrade': say('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
  'asks-for-upgrade': say(
    'HTTP/1.1 426 Upgrade Required\r\nupgrade: h2c\r\nconnection: upgrade\r\ncontent-length: 0\r\n\r\n',
  ),

  // bytes nobody asked for: another response, to be taken for the answer to the next request
  'response-too-many': say(`${OK}HTTP/1.1 418 Planted\r\ncontent-length: 0\r\n\r\n`),
  'response-too-many-later': say(OK, (socket) =>
    setImmediate(() => socket.write('HTTP/1.1 418 Planted\r\ncontent-length: 0\r\n\r\n')),
  ),

  // does what the request's body tells it: `Script`
  script: (socket, { body }) => play(socket, JSON.parse(body.toString())),

  // /redirect/302/canary leads to /canary, /redirect/302/redirect in a circle
  redirect: (socket, { head }) => {
    const [status, target] = [readPart(head, 2), readPart(head, 3)]
    const location = target === 'redirect' ? `/redirect/${status}/redirect` : `/${target}`
    say(`HTTP/1.1 ${status} Elsewhere\r\nlocation: ${location}\r\ncontent-length: 0\r\n\r\n`)(socket)
  },
  canary: say(OK),
} satisfies Record<string, Respond>

/** Receivers that break the handshake, or have it; each on a port of its own. All answer `ok` to what gets through. */
const tlsReceivers = {
  tls: trusted,
  'tls-wrong-name': wrongName,
  'tls-expired': expired,
  'tls-untrusted': untrusted,
  'tls-outdated': { ...trusted, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
  'tls-1.2': { ...trusted, maxVersion: 'TLSv1.2' },
  'tls-asks-certificate': { ...trusted, requestCert: true, rejectUnauthorized: true },
  'tls-1.2-asks-certificate': { ...trusted, requestCert: true, rejectUnauthorized: true, maxVersion: 'TLSv1.2' },
  'tls-h2-only': { ...trusted, ALPNProtocols: ['h2'] },
} satisfies Record<string, TlsOptions>

/** What a TLS client meets when there is no TLS server; each on a port of its own. */
const tlsBreakers = {
  'tls-stalled': (_socket: Socket) => undefined,
  'tls-plain-http': (socket: Socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
  'tls-garbage': (socket: Socket) => socket.once('data', () => socket.write(CHUNK)),
  'tls-closed': (socket: Socket) => socket.once('data', () => socket.end()),
  'tls-reset': (socket: Socket) => socket.once('data', () => socket.resetAndDestroy()),
}

export type HttpBehaviour = keyof typeof behaviours
export type TlsBehaviour = keyof typeof tlsReceivers | keyof typeof tlsBreakers

export type Zoo = {
  /** Where a behaviour is found; `rest` is added to its path. */
  url(behaviour: HttpBehaviour | TlsBehaviour | 'refused', rest?: string): string
  /** All its `address:port` pairs, for `AddressPolicy.loopbackReceivers`. */
  readonly loopbackReceivers: ReadonlySet<string>
  /** Every request that arrived whole, in order. */
  readonly requests: SeenRequest[]
  /** Connections accepted so far, requests or not. */
  readonly connections: number
  /** Resolves when the sockets that are open now have closed. */
  allClosed(): Promise<void>
  close(): Promise<void>
}

/** Starts receivers on 127.0.0.1 that do everything a receiver can do wrong, one behaviour per path or port. */
export async function startZoo(): Promise<Zoo> {
  const requests: SeenRequest[] = []
  const sockets = new Set<Socket>()
  const servers: Server[] = []
  const ports = new Map<string, number>()
  let connections = 0

  const admit = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => sockets.delete(socket))
  }
  const serve = (socket: Socket, port: string, fixed?: string) => {
    connections += 1
    readRequests(socket, connections, (request) => {
      const behaviour = fixed ?? readPart(request.head, 1)
      requests.push({ ...request, behaviour, port })
      findBehaviour(behaviour)(socket, { ...request, behaviour, port })
    })
  }
  const listen = async (name: string, server: Server) => {
    server.on('connection', admit)
    servers.push(server)
    ports.set(name, await listenOnLoopback(server))
  }

  await listen(
    'http',
    createServer({ noDelay: true, allowHalfOpen: true }, (socket) => serve(socket, 'http')),
  )
  for (const [name, options] of Object.entries(tlsReceivers)) {
    const server = createTlsServer(options, (socket) => {
      admit(socket)
      serve(socket, name, 'ok')
    })
    server.on('tlsClientError', (_error, socket) => socket.destroy())
    await listen(name, server)
  }
  for (const [name, act] of Object.entries(tlsBreakers))
    await listen(
      name,
      createServer((socket) => {
        // a request that comes without the handshake
        socket.on('data', (bytes) => {
          if (bytes.includes('POST /'))
            requests.push({ behaviour: name, port: name, connection: 0, turn: 1, head: '', body: bytes })
        })
        void act(socket)
      }),
    )

  const vacant = createServer()
  ports.set('refused', await listenOnLoopback(vacant))
  await closeServer(vacant)

  const url = (behaviour: string, rest = '') => {
    const port = ports.get(behaviour)
    if (behaviour === 'refused') return `http://127.0.0.1:${port}/`
    return port === undefined
      ? `http://127.0.0.1:${ports.get('http')}/${behaviour}${rest}`
      : `https://127.0.0.1:${port}/${rest}`
  }
  return {
    url,
    requests,
    loopbackReceivers: new Set([...ports.values()].map((port) => `127.0.0.1:${port}`)),
    get connections() {
      return connections
    },
    async allClosed() {
      await Promise.all([...sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve))))
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await Promise.all(servers.map(closeServer))
    },
  }
}

function listenOnLoopback(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address: AddressInfo | string | null = server.address()
      if (address === null || typeof address === 'string') reject(new Error('a TCP server has a port'))
      else resolve(address.port)
    })
  })
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => void server.close(() => resolve()))
}

/** Cuts a stream into requests with a `content-length`, which is what this service sends. */
function readRequests(
  socket: Socket,
  connection: number,
  onRequest: (request: Omit<SeenRequest, 'behaviour' | 'port'>) => void,
) {
  let received = Buffer.alloc(0)
  let turn = 0
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    for (;;) {
      const headEnd = received.indexOf('\r\n\r\n')
      if (headEnd < 0) return
      const head = received.toString('latin1', 0, headEnd)
      const end = headEnd + 4 + Number(/^content-length: ([0-9]+)$/im.exec(head)?.[1] ?? 0)
      if (received.length < end) return
      turn += 1
      const body = received.subarray(headEnd + 4, end)
      received = received.subarray(end)
      onRequest({ connection, turn, head, body })
    }
  })
  socket.on('end', () => socket.end())
}

/** The nth part of the request's path. */
function readPart(head: string, number: number): string {
  return head.split(' ')[1]?.split('?')[0]?.split('/')[number] ?? ''
}

function findBehaviour(name: string): Respond {
  const known: Record<string, Respond> = behaviours
  return known[name] ?? say('HTTP/1.1 404 No such behaviour\r\ncontent-length: 0\r\n\r\n')
}

function say(text: string, then?: (socket: Socket) => void): (socket: Socket) => void {
  return (socket) => void socket.write(text, 'latin1', () => then?.(socket))
}

function play(socket: Socket, { pieces, ending }: Script) {
  const [piece, ...rest] = pieces
  if (piece !== undefined) {
    socket.write(piece, 'latin1')
    setImmediate(() => play(socket, { pieces: rest, ending }))
  } else if (ending === 'end') {
    socket.end()
  } else if (ending === 'reset') {
    socket.resetAndDestroy()
  }
}

/** A reset that overtakes nothing: what was written before has arrived. */
function resetSoon(socket: Socket) {
  setTimeout(() => socket.resetAndDestroy(), TRICKLE_MS)
}

function trickle(socket: Socket, text: string, bytesAtOnce = 1) {
  let sent = 0
  const timer = setInterval(() => {
    if (sent >= text.length) return clearInterval(timer)
    socket.write(text.slice(sent, sent + bytesAtOnce))
    sent += bytesAtOnce
  }, TRICKLE_MS)
  socket.once('close', () => clearInterval(timer))
}

/** Writes the same bytes for as long as the other side takes them. */
function pour(chunk: Buffer): (socket: Socket) => void {
  return (socket) => {
    const fill = () => {
      while (!socket.destroyed && socket.write(chunk));
    }
    socket.on('drain', fill)
    fill()
  }
}

/** 5 MB of zeros, compressed to a few kB. */
function sayCompressed(encoding: string, compress: (data: Buffer) => Buffer): Respond {
  const body = compress(Buffer.alloc(5_000_000))
  const head = `HTTP/1.1 200 OK\r\ncontent-encoding: ${encoding}\r\ncontent-length: ${body.length}\r\n\r\n`
  return (socket) => socket.write(Buffer.concat([Buffer.from(head), body]))
}
