import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Principal, Scope } from '#src/accounts/principal.ts'
import type { Clock } from '#src/adapters/clock.ts'
import { DomainError, notFound } from '#src/domain-error.ts'
import { type Problem, producersyncBody, producersyncProblemOf } from './problem.ts'
import {
  type AccessControl,
  bearerOf,
  hasImpossiblePathValue,
  noSuchRoute,
  readInput,
  requireAccessRules,
} from './routes.ts'
import { answerError } from './server.ts'

/** How far a caller is in its window of the rate limit. A refused request is not counted. */
export type RateWindow = { allowed: boolean; limit: number; remaining: number; resetSeconds: number }

/** Who is counted: whom a token speaks for, or the address of who has none. */
export type Caller = { principal: Principal } | { address: string }

/** Counts one request of a caller, unless its window is used up. */
export type Limiter = (caller: Caller) => Promise<RateWindow>

const SCOPES: ReadonlySet<string> = new Set<Scope>([
  'producersync.read',
  'producersync.write',
  'producersync.operate',
  'webhooks',
])
const ACCEPTED = new Set(['application/json', 'application/hal+json', 'application/*', '*/*'])

const PREFIXES = ['/v1', '/v2']

type Parts = { access: AccessControl; limiter: Limiter; clock: Clock }

/**
 * Routes of the ProducerSync API (producersync-api.md 2, 3), all beneath `/v1` or `/v2`. Each names in `config.access` the
 * scope it needs, or `any`; `request.principal` is set, and `request.account` to the token's own, except for environment
 * keys, which have none. Answers to GET are `application/hal+json` unless the route says otherwise.
 * @param register adds the routes, with their whole paths
 */
export function producersyncRoutes(
  http: FastifyInstance,
  parts: Parts,
  register: (routes: FastifyInstance) => void,
): void {
  void http.register(async (scope) => {
    applyRules(scope, http, parts)
    requireAccessRules(scope, 'producersync', (rule) => rule === 'any' || SCOPES.has(rule))
    register(scope)
  })
  for (const prefix of PREFIXES) {
    // what no route matches is answered by the same rules
    void http.register(
      async (scope) => {
        applyRules(scope, http, parts)
        scope.setNotFoundHandler(refuseUnknownPath)
      },
      { prefix },
    )
  }
}

function applyRules(scope: FastifyInstance, http: FastifyInstance, { access, limiter, clock }: Parts): void {
  scope.addHook('onRequest', async (request, reply) => {
    request.family = 'producersync'
    await admit(http, access, limiter, request, reply)
  })
  readInput(scope)
  scope.addHook('preHandler', (request, reply, done) => {
    if (request.method === 'GET' || request.method === 'HEAD') reply.type('application/hal+json')
    done()
  })
  scope.setErrorHandler((error, request, reply) => {
    if (error instanceof DomainError && error.code === 'unauthenticated') {
      reply.header('www-authenticate', 'Bearer error="invalid_token"')
    }
    const toBody = (problem: Problem) => producersyncBody(problem, pathOf(request), clock.now())
    return answerError(error, request, reply, toBody, producersyncProblemOf)
  })
}

function refuseUnknownPath(): never {
  throw notFound()
}

async function admit(
  http: FastifyInstance,
  access: AccessControl,
  limiter: Limiter,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const principal = await identify(access, request)
  const window = await limiter(principal instanceof DomainError ? { address: request.ip } : { principal })
  const reset = String(window.resetSeconds)
  reply.headers({ 'ratelimit-limit': window.limit, 'ratelimit-remaining': window.remaining, 'ratelimit-reset': reset })
  if (!window.allowed) {
    throw new DomainError('rate_limited', 'The rate limit is used up.', { retryAfterSeconds: window.resetSeconds })
  }
  if (principal instanceof DomainError) throw principal
  request.principal = principal
  reply.header('producersync-environment', principal.environment)
  if (request.is404) {
    const { error, allow } = noSuchRoute(http, request)
    if (allow !== undefined) reply.header('allow', allow)
    throw error
  }
  if (!acceptsJson(request.headers.accept)) {
    throw new DomainError('not_acceptable', 'Answers are application/json or application/hal+json.')
  }
  const { access: rule } = request.routeOptions.config
  if (rule !== 'any' && !hasScope(principal, rule, request.method)) {
    throw new DomainError('forbidden', 'The token lacks the scope of this operation.')
  }
  if (hasImpossiblePathValue(request)) throw new DomainError('unreadable_query', 'A value of the path is malformed.')
  if (principal.accountId !== null) request.account = await access.accountOf(principal, principal.accountId)
}

/** Whom the token speaks for, or why it speaks for nobody; an unreachable database is neither. */
async function identify(access: AccessControl, request: FastifyRequest): Promise<Principal | DomainError> {
  try {
    return await access.authenticate(bearerOf(request.headers.authorization))
  } catch (error) {
    if (error instanceof DomainError && error.code === 'unauthenticated') return error
    throw error
  }
}

/** Keys and staff operate their environment (support looks on); the account's own data is for the account's own tokens. */
function hasScope(principal: Principal, rule: string | undefined, method: string): boolean {
  if (principal.kind === 'environment_key') return rule === 'producersync.operate'
  if (principal.kind === 'staff') {
    return rule === 'producersync.operate' && (principal.role === 'operator' || method === 'GET' || method === 'HEAD')
  }
  for (const scope of principal.scopes) if (scope === rule) return true
  return false
}

function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined || accept.trim() === '') return true
  return accept.split(',').some((range) => {
    const [type = '', ...parameters] = range.split(';')
    const isRefused = parameters.some((parameter) => /^\s*q=0(?:\.0{0,3})?\s*$/i.test(parameter))
    return !isRefused && ACCEPTED.has(type.trim().toLowerCase())
  })
}

function pathOf(request: FastifyRequest): string {
  const [path = '/'] = request.originalUrl.split('?', 1)
  return path
}
