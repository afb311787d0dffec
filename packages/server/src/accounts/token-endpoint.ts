import formbody from '@fastify/formbody'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { described } from '#src/adapters/http/operation.ts'
import { TokenOut } from './answer-schemas.ts'
import type { TokenIssuer } from './token-issuer.ts'

const BODY_BYTES_MAX = 65_536

const TokenRequest = Type.Object(
  {
    grant_type: Type.Literal('client_credentials'),
    client_id: Type.Optional(
      Type.String({ description: 'With client_secret, unless both are in the authorization header.' }),
    ),
    client_secret: Type.Optional(Type.String()),
    scope: Type.Optional(Type.String({ description: 'Separated by spaces; without it, every scope of the client.' })),
  },
  { title: 'TokenRequest' },
)
const create = described(
  { config: {} },
  {
    id: 'oauth2.token.create',
    summary: 'Issue an access token for client credentials',
    body: TokenRequest,
    answers: { 200: TokenOut },
  },
)

/** `POST /oauth2/token` (producersync-api 2). Errors by RFC 6749; those of HTTP itself are the kernel's. */
export function registerTokenEndpoint(routes: FastifyInstance, parts: { issuer: TokenIssuer }): void {
  void routes.register(formbody, { bodyLimit: BODY_BYTES_MAX })
  routes.post('/token', create, async (request, reply) => {
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
