import type { FastifyInstance } from 'fastify'
import { DomainError } from '#src/domain-error.ts'
import { oauthBody, problemOf } from './problem.ts'
import { noSuchRoute } from './routes.ts'
import { answerError } from './server.ts'

/**
 * Routes of the token endpoint, beneath `/oauth2`: errors have the bodies of RFC 6749, 5.2. No token is judged, and bodies are
 * the route's own business (`request.bytes` holds them unless it registers a parser).
 */
export function oauthRoutes(http: FastifyInstance, register: (routes: FastifyInstance) => void): void {
  void http.register(
    async (scope) => {
      scope.addHook('onRoute', (route) => {
        route.config = { ...route.config, family: 'oauth' }
      })
      scope.setErrorHandler((error, request, reply) =>
        answerError(error, request, reply, (problem) => oauthBody(error, problem), problemOf),
      )
      scope.setNotFoundHandler(() => {
        throw new DomainError('not_found', 'Not found')
      })
      scope.addHook('onRequest', (request, reply, done) => {
        reply.header('pragma', 'no-cache')
        if (!request.is404) return done()
        const { error, allow } = noSuchRoute(http, request)
        if (allow !== undefined) reply.header('allow', allow)
        done(error)
      })
      register(scope)
    },
    { prefix: '/oauth2' },
  )
}
