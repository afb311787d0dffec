import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { afterEach, describe, test } from 'vitest'
import { openSocket, readAll, sendRaw, testAccess, testHttp } from '../../../test/http-kernel.ts'
import { managementRoutes } from './management.ts'
import type { HttpLimits } from './server.ts'

const KIB = 1_024
const opened: FastifyInstance[] = []
let handled = 0

async function listening(limits?: Partial<HttpLimits>): Promise<FastifyInstance> {
  const { http } = testHttp(limits)
  handled = 0
  managementRoutes(http, testAccess(), (routes) => {
    routes.get('/any', { config: { access: 'any' } }, async () => {
      handled += 1
      return { ok: true }
    })
    routes.post('/any', { config: { access: 'any' } }, async (request) => {
      handled += 1
      return { bytes: request.bytes.length }
    })
  })
  await http.listen({ port: 0, host: '127.0.0.1' })
  opened.push(http)
  return http
}

afterEach(async () => {
  for (const http of opened.splice(0)) await http.close()
})

function head(method: string, path: string, ...lines: string[]): string {
  return [`${method} ${path} HTTP/1.1`, 'Host: test', ...lines, '', ''].join('\r\n')
}

const AUTHORIZED = 'Authorization: Bearer key'
const JSON_BODY = 'Content-Type: application/json'

/** Status, headers and body of each answer in what was read. */
function parseAnswers(text: string) {
  const answers: { status: number; headers: Map<string, string>; body: string }[] = []
  for (let rest = text; rest !== ''; ) {
    const headEnd = rest.indexOf('\r\n\r\n')
    assert.notEqual(headEnd, -1, rest)
    const [statusLine = '', ...lines] = rest.slice(0, headEnd).split('\r\n')
    const headers = new Map(
      lines.map((line): [string, string] => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 2),
      ]),
    )
    const length = Number(headers.get('content-length') ?? 0)
    answers.push({
      status: Number(statusLine.split(' ')[1]),
      headers,
      body: rest.slice(headEnd + 4, headEnd + 4 + length),
    })
    rest = rest.slice(headEnd + 4 + length)
  }
  return answers
}

function onlyAnswer(text: string) {
  const [answer, ...more] = parseAnswers(text)
  assert.ok(answer)
  assert.equal(more.length, 0, text)
  return answer
}

async function assertAlive(http: FastifyInstance): Promise<void> {
  const text = await sendRaw(http, head('GET', '/api/v1/any', AUTHORIZED, 'Connection: close'))
  assert.equal(onlyAnswer(text).status, 200)
}

describe('what is no HTTP gets one JSON answer and the connection ends', () => {
  test.each([
    ['rubbish', 'rubbish\r\n\r\n'],
    ['no method', ' / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['an unknown method', 'BREW /api/v1/any HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['another protocol', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a relative target', 'GET any HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a blank before the colon', head('GET', '/api/v1/any', 'X-Name : a')],
    ['a folded header', head('GET', '/api/v1/any', 'X-Name: a\r\n b')],
    ['a NUL in a header', head('GET', '/api/v1/any', 'X-Name: a\0b')],
    ['a bare CR', 'GET /api/v1/any HTTP/1.1\r\nHost: a\rX: b\r\n\r\n'],
    ['two lengths', head('POST', '/api/v1/any', 'Content-Length: 1', 'Content-Length: 2')],
    ['a negative length', head('POST', '/api/v1/any', 'Content-Length: -1')],
    ['a length that is none', head('POST', '/api/v1/any', 'Content-Length: 1x')],
    [
      'a length and chunks',
      `${head('POST', '/api/v1/any', 'Content-Length: 4', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    ],
    ['an encoding after chunks', head('POST', '/api/v1/any', 'Transfer-Encoding: chunked, identity')],
    ['no host', 'GET /api/v1/any HTTP/1.1\r\nConnection: close\r\n\r\n'],
    [
      'a chunk size that is none',
      `${head('POST', '/api/v1/any', AUTHORIZED, JSON_BODY, 'Transfer-Encoding: chunked')}zz\r\n{}\r\n0\r\n\r\n`,
    ],
  ])('%s', async (_, text) => {
    const http = await listening()
    const { status, headers, body } = onlyAnswer(
      await sendRaw(http, Buffer.from(text, 'latin1'), head('GET', '/api/v1/any', AUTHORIZED)),
    )
    assert.equal(status, 400)
    assert.equal(JSON.parse(body).code, 'generic_error')
    assert.equal(headers.get('content-type'), 'application/json')
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.match(headers.get('x-request-id') ?? '', /^req_/)
    assert.equal(handled, 0)
    await assertAlive(http)
  })

  test.each([
    ['CONNECT', 'CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n', 405, 'method_not_allowed'],
    [
      'another expectation',
      head('POST', '/api/v1/any', AUTHORIZED, 'Expect: magic', 'Content-Length: 2'),
      417,
      'generic_error',
    ],
    ['the whole server', 'OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 404, 'not_found'],
    [
      'a head too large',
      head('GET', '/api/v1/any', AUTHORIZED, `X-Large: ${'x'.repeat(16 * KIB)}`),
      431,
      'headers_too_large',
    ],
    ['a target too large', head('GET', `/api/v1/any?${'x'.repeat(16 * KIB)}`, AUTHORIZED), 431, 'headers_too_large'],
  ])('%s', async (_, text, status, code) => {
    const http = await listening()
    const answer = onlyAnswer(await sendRaw(http, text))
    assert.equal(answer.status, status)
    assert.equal(JSON.parse(answer.body).code, code)
    assert.equal(handled, 0)
    await assertAlive(http)
  })
})

describe('time', () => {
  test.each([
    ['head', 'GET /api/v1/any HTTP/1.1\r\nHost: a\r\n'],
    ['first line', 'GET /api'],
  ])('a %s that does not end in time ends the connection with 408', async (_, text) => {
    const http = await listening({ headMsMax: 50 })
    const answer = onlyAnswer(await sendRaw(http, text))
    assert.equal(answer.status, 408)
    assert.equal(JSON.parse(answer.body).code, 'generic_error')
  })

  test('a body that does not end in time ends the connection with 408', async () => {
    const http = await listening({ headMsMax: 50, requestMsMax: 60 })
    const text = await sendRaw(http, `${head('POST', '/api/v1/any', AUTHORIZED, JSON_BODY, 'Content-Length: 10')}{`)
    assert.equal(onlyAnswer(text).status, 408)
    assert.equal(handled, 0)
  })
})

describe('bodies too large', () => {
  /** Reads until the connection ends; says how much the server has read of it. */
  async function measured(
    http: FastifyInstance,
    send: (socket: Socket) => void,
  ): Promise<{ text: string; bytesRead: number }> {
    const accepted = new Promise<Socket>((resolve) => http.server.once('connection', resolve))
    const socket = await openSocket(http)
    const server = await accepted
    send(socket)
    const text = await readAll(socket)
    return { text, bytesRead: server.bytesRead }
  }

  /** Writes for as long as anyone reads. */
  function writeEndlessly(socket: Socket, chunk: Buffer): void {
    const write = () => {
      while (!socket.destroyed && socket.write(chunk));
    }
    socket.on('drain', write)
    write()
  }

  const chunk = Buffer.from(`4000\r\n${'x'.repeat(16 * KIB)}\r\n`)
  // one read of Node takes up to 64 KiB
  const SLACK = 64 * KIB

  test('declared: refused before anything is read, the answer arrives, the connection ends', async () => {
    const http = await listening()
    const { text, bytesRead } = await measured(http, (socket) => {
      socket.write(head('POST', '/api/v1/any', AUTHORIZED, JSON_BODY, `Content-Length: ${1_000_000_000}`))
      writeEndlessly(socket, Buffer.alloc(16 * KIB, 'x'))
    })
    const { status, headers, body } = onlyAnswer(text)
    assert.equal(status, 413)
    assert.equal(JSON.parse(body).code, 'payload_too_large')
    assert.equal(headers.get('connection'), 'close')
    assert.ok(bytesRead <= 64 * KIB + 2 * SLACK, `${bytesRead}`)
    assert.equal(handled, 0)
  })

  test('not declared: counted while it is read', async () => {
    const http = await listening()
    const { text, bytesRead } = await measured(http, (socket) => {
      socket.write(head('POST', '/api/v1/any', AUTHORIZED, JSON_BODY, 'Transfer-Encoding: chunked'))
      writeEndlessly(socket, chunk)
    })
    const { status, headers } = onlyAnswer(text)
    assert.equal(status, 413)
    assert.equal(headers.get('connection'), 'close')
    assert.ok(bytesRead <= 64 * KIB + 64 * KIB + 2 * SLACK, `${bytesRead}`)
  })

  test.each([
    ['of a stranger', ['POST', '/api/v1/any'], 401],
    ['to nowhere', ['POST', '/api/v1/nowhere', AUTHORIZED], 404],
    ['of a GET', ['GET', '/api/v1/any', AUTHORIZED], 200],
  ] as const)('%s: answered without being read', async (_, [method, path, ...more], status) => {
    const http = await listening()
    const { text, bytesRead } = await measured(http, (socket) => {
      socket.write(head(method, path, ...more, 'Transfer-Encoding: chunked'))
      writeEndlessly(socket, chunk)
    })
    assert.equal(onlyAnswer(text).status, status)
    assert.ok(bytesRead <= 64 * KIB + 2 * SLACK, `${bytesRead}`)
  })

  test('a chunked body within the limit is taken', async () => {
    const http = await listening()
    const body = ['2\r\n{"\r\n', '5\r\na":1}\r\n', '0\r\n\r\n']
    const text = await sendRaw(
      http,
      head('POST', '/api/v1/any', AUTHORIZED, JSON_BODY, 'Transfer-Encoding: chunked', 'Connection: close'),
      ...body,
    )
    assert.deepEqual(JSON.parse(onlyAnswer(text).body), { bytes: 7 })
  })

  test('a small body that nobody reads costs no connection', async () => {
    const http = await listening()
    const text = await sendRaw(
      http,
      `${head('POST', '/api/v1/nowhere', AUTHORIZED, JSON_BODY, 'Content-Length: 2')}{}`,
      head('GET', '/api/v1/any', AUTHORIZED, 'Connection: close'),
    )
    assert.deepEqual(
      parseAnswers(text).map(({ status }) => status),
      [404, 200],
    )
  })

  test('a body that ends too early is no request', async () => {
    const http = await listening()
    const socket = await openSocket(http)
    socket.end(`${head('POST', '/api/v1/any', AUTHORIZED, JSON_BODY, 'Content-Length: 10')}{}`)
    await readAll(socket)
    assert.equal(handled, 0)
    await assertAlive(http)
  })
})

describe('connections', () => {
  test('one connection carries so many requests and then ends', async () => {
    const http = await listening({ requestsPerSocketMax: 3 })
    const request = head('GET', '/api/v1/any', AUTHORIZED)
    const answers = parseAnswers(await sendRaw(http, request.repeat(5)))
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200],
    )
    assert.deepEqual(
      answers.map(({ headers }) => headers.get('connection')),
      ['keep-alive', 'keep-alive', 'close'],
    )
  })

  test('100-continue is granted, upgrades are passed over', async () => {
    const http = await listening()
    const text = await sendRaw(
      http,
      `${head('POST', '/api/v1/any', AUTHORIZED, JSON_BODY, 'Expect: 100-continue', 'Content-Length: 2')}{}`,
      head('GET', '/api/v1/any', AUTHORIZED, 'Upgrade: websocket', 'Connection: Upgrade, close'),
    )
    const answers = parseAnswers(text.replace('HTTP/1.1 100 Continue\r\n\r\n', ''))
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200],
    )
  })

  test('rubbish after a request waits for its answer', async () => {
    const http = await listening()
    const text = await sendRaw(http, `${head('GET', '/api/v1/any', AUTHORIZED)}rubbish\r\n\r\n`)
    assert.deepEqual(
      parseAnswers(text).map(({ status }) => status),
      [200, 400],
    )
  })

  test('TRACE sends nothing back', async () => {
    const http = await listening()
    const text = await sendRaw(http, head('TRACE', '/api/v1/any', AUTHORIZED, 'X-Canary: canary', 'Connection: close'))
    assert.equal(onlyAnswer(text).status, 405)
    assert.ok(!text.includes('canary'))
  })
})
