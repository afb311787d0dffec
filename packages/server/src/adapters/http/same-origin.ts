import type { FastifyInstance, FastifyRequest } from 'fastify'
import { DomainError, notFound } from '#src/domain-error.ts'
import { managementBody } from './problem.ts'
import { nameIgnoredFields, noSuchRoute, readInput, refuseOtherThanJson } from './routes.ts'
import { answerError } from './server.ts'

/**
 * Routes for the service's own pages, which may be judged by a cookie. No other page can have them called with effect: a
 * request says that it comes from the same origin, and what changes something is JSON. There is no CORS here. Errors have the
 * bodies of the management API.
 * @param prefix    of all paths
 * @param publicUrl where the service is reached; its origin is the one that is let in
 * @param register  adds the routes
 * Source: reliability-security 12, "cookie requests"
 */
export function sameOriginRoutes(
  http: FastifyInstance,
  { prefix, publicUrl }: { prefix: string; publicUrl: string },
  register: (routes: FastifyInstance) => void,
): void {
  const { origin } = new URL(publicUrl)
  void http.register(
    async (scope) => {
      scope.addHook('onRoute', (route) => {
        route.config = { ...route.config, family: 'portal' }
      })
      scope.addHook('onRequest', async (request, reply) => {
        request.family = 'management'
        if (request.is404) {
          const { error, allow } = noSuchRoute(http, request)
          if (allow !== undefined) reply.header('allow', allow)
          throw error
        }
        if (!isOf(request, origin)) throw new DomainError('forbidden', 'The request comes from another place.')
        if (request.method !== 'GET' && request.method !== 'HEAD') refuseOtherThanJson(request)
      })
      readInput(scope)
      nameIgnoredFields(scope)
      scope.setErrorHandler((error, request, reply) => answerError(error, request, reply, managementBody))
      scope.setNotFoundHandler(() => {
        throw notFound()
      })
      register(scope)
    },
    { prefix },
  )
}

/** Browsers say where a request comes from in one of these, and pages cannot change what they say. */
function isOf({ headers }: FastifyRequest, origin: string): boolean {
  const site = headers['sec-fetch-site']
  return site === undefined ? headers.origin === origin : site === 'same-origin'
}
