import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
  request as send,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { SeenAnswer } from '../../test/answer-judge.ts'

const STREAM = 'text/event-stream'

export type ClientProxy = { url: string; close: () => Promise<void> }

/** Stands between one client and the service, passes everything on unchanged, and tells of every answer. */
export async function startProxy(target: string, saw: (answer: SeenAnswer) => void): Promise<ClientProxy> {
  const { hostname, port } = new URL(target)
  const agent = new Agent({ keepAlive: true })
  const server = createServer((incoming, outgoing) => {
    const { method = 'GET', url = '/', headers } = incoming
    const onward = send({ agent, hostname, port, method, path: url, headers }, (answer) => {
      if (answer.headers['content-type']?.startsWith(STREAM)) return passOn(answer, outgoing)
      void buffer(answer).then(
        (body) => {
          const { statusCode: status = 0 } = answer
          saw({ method, url, status, contentType: answer.headers['content-type'] ?? null, text: body.toString() })
          outgoing.writeHead(status, lasting(answer.headers)).end(body)
        },
        () => outgoing.destroy(),
      )
    })
    onward.on('error', () => outgoing.destroy())
    incoming.pipe(onward)
  })
  /** An answer that does not end is told of by its head alone. */
  function passOn(answer: IncomingMessage, outgoing: ServerResponse): void {
    const { method = 'GET', url = '/' } = outgoing.req
    const { statusCode: status = 0, headers } = answer
    saw({ method, url, status, contentType: headers['content-type'] ?? null, text: '' })
    outgoing.writeHead(status, lasting(headers)).on('close', () => answer.destroy())
    answer.on('error', () => {}).pipe(outgoing)
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port: own } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${own}`,
    close: async () => {
      agent.destroy()
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** Without what is said of one connection only. */
function lasting({ connection: _c, 'keep-alive': _k, 'transfer-encoding': _t, ...headers }: IncomingHttpHeaders) {
  return headers
}
