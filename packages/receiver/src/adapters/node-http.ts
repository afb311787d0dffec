import type { IncomingMessage, ServerResponse } from 'node:http'
import { bytesOf, concat, tooLarge } from '../body.ts'
import { type Answer, createAnswerer, type ReceiverOptions } from '../receiver.ts'
import { VerificationError } from '../verification-error.ts'

export type { ReceiverOptions }

/** A request of `node:http`; frameworks put on it what their body parsers made. */
export type NodeRequest = IncomingMessage & { rawBody?: unknown; body?: unknown }

/** `createServer(createReceiver({ … }))`, or call it on your route. It reads the request itself, at most `maxBytes`. */
export function createReceiver(options: ReceiverOptions): (request: NodeRequest, response: ServerResponse) => void {
  const receive = createAwaitedReceiver(options)
  return (request, response) => void receive(request, response)
}

/** As `createReceiver`, for a framework that waits until the answer is given. It never rejects. */
export function createAwaitedReceiver(
  options: ReceiverOptions,
): (request: NodeRequest, response: ServerResponse) => Promise<void> {
  const receive = createAnswerer(options)
  return async (request, response) => {
    const answer = await receive({ headers: request.headers, read: (bytesMax) => readNodeRequest(request, bytesMax) })
    send(answer, request, response)
  }
}

/**
 * Gets the raw body of a request: as a framework kept it, or from the stream.
 * @throws VerificationError `body_not_bytes` when a parser has read the stream and kept only what it made of it; `body_too_large`
 */
export async function readNodeRequest(request: NodeRequest, bytesMax: number): Promise<Uint8Array> {
  if (request.rawBody !== undefined) return bytesOf(request.rawBody as Uint8Array, bytesMax)
  if (!request.readableDidRead) return await readStream(request, bytesMax)
  if (request.body === undefined) {
    throw new VerificationError('body_not_bytes', 'The body of this request was read before.')
  }
  return bytesOf(request.body as Uint8Array, bytesMax)
}

function readStream(request: NodeRequest, bytesMax: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let length = 0
    const take = (chunk: Uint8Array) => {
      chunks.push(chunk)
      length += chunk.length
      if (length <= bytesMax) return
      request.off('data', take).pause()
      reject(tooLarge(bytesMax))
    }
    const isCut = () => reject(new Error('The request ended before its body did.'))
    request
      .on('data', take)
      .on('end', () => resolve(concat(chunks)))
      .on('error', reject)
      .on('close', isCut)
    if (request.destroyed) isCut()
  })
}

function send({ status, headers, body }: Answer, request: NodeRequest, response: ServerResponse): void {
  // Whoever sends more than is read does not get to send it all.
  const isLeft = !request.complete && !request.readableEnded
  response.writeHead(status, isLeft ? { ...headers, connection: 'close' } : headers).end(body)
}
