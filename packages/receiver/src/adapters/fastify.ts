import type { ReceiverOptions } from '../receiver.ts'
import { createAnswerer } from '../receiver.ts'
import { type NodeRequest, readNodeRequest } from './node-http.ts'

export type { ReceiverOptions }

/** Of a Fastify instance, what is needed. */
type FastifyScope = {
  removeAllContentTypeParsers(): void
  addContentTypeParser(type: string, parser: (request: unknown, payload: unknown) => Promise<void>): unknown
  post(path: string, handler: (request: { raw: NodeRequest }, reply: FastifyReply) => Promise<unknown>): unknown
}
type FastifyReply = {
  code(status: number): FastifyReply
  headers(values: Record<string, string>): FastifyReply
  send(body: string): unknown
}

/**
 * A plugin: `app.register(createReceiver({ … }), { prefix: '/webhooks' })`. In its own scope no content-type parser reads the
 * body, whatever the application has; the receiver reads it itself.
 */
export function createReceiver(options: ReceiverOptions): (scope: FastifyScope) => Promise<void> {
  const receive = createAnswerer(options)
  return async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', async () => {})
    scope.post('/', async ({ raw }, reply) => {
      const answer = await receive({ headers: raw.headers, read: (bytesMax) => readNodeRequest(raw, bytesMax) })
      return reply.code(answer.status).headers(answer.headers).send(answer.body)
    })
  }
}
