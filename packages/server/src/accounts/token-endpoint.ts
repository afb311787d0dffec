import formbody from '@fastify/formbody'
import type { FastifyInstance } from 'fastify'
import type { TokenIssuer } from './token-issuer.ts'

const BODY_BYTES_MAX = 65_536

/** `POST /oauth2/token` (producersync-api 2). Errors by RFC 6749; those of HTTP itself are the kernel's. */
export function registerTokenEndpoint(routes: FastifyInstance, parts: { issuer: TokenIssuer }): void {
  void routes.register(formbody, { bodyLimit: BODY_BYTES_MAX })
  routes.post('/token', async (request, reply) => {
    const { status, headers, body } = await parts.issuer.answer({
      form: isForm(request.body) ? request.body : {}, // any other type was not read, and is refused by the issuer
      hasQuery: request.url.includes('?'),
      contentType: request.headers['content-type'],
      authorization: request.headers.authorization,
      address: request.ip,
    })
    return await reply.code(status).headers(headers).send(body)
  })
}

function isForm(body: unknown): body is Record<string, unknown> {
  return typeof body === 'object' && body !== null
}
