import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { CAPABILITIES, type Principal } from '#src/accounts/principal.ts'
import { DomainError, notFound } from '#src/domain-error.ts'
import { managementBody } from './problem.ts'
import type { Access } from './request.ts'
import {
  type AccessControl,
  bearerOf,
  hasImpossiblePathValue,
  nameIgnoredFields,
  noSuchRoute,
  pathValue,
  readInput,
  requireAccessRules,
} from './routes.ts'
import { answerError } from './server.ts'
import { refuseWithoutReason } from './staff-reason.ts'

/** An operation by method and path, with `:name` or `{name}` for path values, beneath the family's prefix. */
export type Operation = { method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'; path: string }

const ACCESS: ReadonlySet<Access> = new Set<Access>(['environment_key', 'staff', 'any', 'none', ...CAPABILITIES])

/** Any page may call with a bearer token; cookies count for nothing here. Source: webhook-api 1. */
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'x-request-id, x-ignored-fields, x-idempotent-replay, retry-after',
}
const PREFLIGHT = {
  'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
  'access-control-max-age': '600',
}

/**
 * Routes of the management API (webhook-api.md). Each names in `config.access` who may call it; that is judged in the order
 * of webhook-api 2.1 before a byte of the body is read, and `request.principal` and `request.account` are set.
 * @param register       adds the routes, beneath the prefix
 * @param prefix         default `/api/v1`
 * @param notImplemented operations that exist elsewhere and answer 501 here; those that are registered win
 */
export function managementRoutes(
  http: FastifyInstance,
  access: AccessControl,
  register: (routes: FastifyInstance) => void,
  { prefix = '/api/v1', notImplemented = [] }: { prefix?: string; notImplemented?: readonly Operation[] } = {},
): void {
  void http.register(
    async (scope) => {
      requireAccessRules(scope, 'management', (rule) => ACCESS.has(rule))
      scope.addHook('onRequest', async (request, reply) => {
        request.family = 'management'
        reply.headers(CORS)
        if (request.method === 'OPTIONS') return await answerPreflight(request, reply)
        await admit(http, access, request, reply)
      })
      readInput(scope)
      nameIgnoredFields(scope)
      scope.setErrorHandler((error, request, reply) => {
        if (error instanceof DomainError && error.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer')
        return answerError(error, request, reply, managementBody)
      })
      scope.setNotFoundHandler(() => {
        throw notFound()
      })
      register(scope)
      for (const { method, path } of notImplemented) {
        const url = path.replaceAll(/\{(\w+)\}/g, ':$1')
        if (scope.hasRoute({ method, url: prefix + url })) continue
        scope.route({
          method,
          url,
          config: { access: 'any', notImplemented: true },
          handler: neverReached,
        })
      }
    },
    { prefix },
  )
}

async function admit(
  http: FastifyInstance,
  access: AccessControl,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const {
    access: rule,
    accountMayBeMissing = false,
    accountMaxAgeMs = 0,
    find,
    notImplemented = false,
  } = request.routeOptions.config
  if (rule === 'none') return
  request.principal = await access.authenticate(bearerOf(request.headers.authorization))
  if (request.is404) {
    const { error, allow } = noSuchRoute(http, request)
    if (allow !== undefined) reply.header('allow', `${allow}, OPTIONS`)
    throw error
  }
  if (notImplemented) throw new DomainError('not_implemented', 'This operation is not part of this service.')
  if (rule === 'staff' && !isOfOperator(request.principal)) throw notFound()
  if (!mayCall(request.principal, rule)) throw insufficientAccess()
  if (hasImpossiblePathValue(request)) throw notFound()
  const account = pathValue(request, 'app_id')
  if (account !== undefined && !accountMayBeMissing)
    request.account = await access.accountOf(request.principal, account, { maxAgeMs: accountMaxAgeMs })
  await find?.(request)
  if (!holds(request.principal, rule)) throw insufficientAccess()
  if (request.principal.kind === 'staff' && changesAccount(request, rule)) refuseWithoutReason(request)
}

/** To everybody else the operator's own pages are not there. */
function isOfOperator({ kind }: Principal): boolean {
  return kind === 'environment_key' || kind === 'staff'
}

/** Is it a write inside of an account? What asks for no more than reading is none, whatever its method. */
function changesAccount({ method, params }: FastifyRequest, rule: Access | undefined): boolean {
  if (method === 'GET' || method === 'HEAD' || rule === 'ViewBase') return false
  return typeof params === 'object' && params !== null && 'app_id' in params
}

/** What is known of a token without looking at anything it names. */
function mayCall(principal: Principal, rule: Access | undefined): boolean {
  if (principal.kind === 'environment_key' || principal.kind === 'staff') return true
  return rule !== 'environment_key' && (principal.kind !== 'access' || principal.scopes.has('webhooks'))
}

/** Does the token allow what asks for `rule`, a capability or `any`? */
export function holds(principal: Principal, rule: Access | undefined): boolean {
  if (principal.kind === 'environment_key' || rule === 'any') return true
  if (principal.kind === 'staff') return principal.role === 'operator' || rule === 'staff' || rule === 'ViewBase'
  for (const capability of principal.capabilities) if (capability === rule) return true
  return false
}

/** What a token is told that may not do what it asks for. */
export function insufficientAccess(): DomainError {
  return new DomainError('forbidden', 'This token does not allow this operation.')
}

async function neverReached(): Promise<never> {
  throw new Error('an operation that is not implemented was let through')
}

async function answerPreflight(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const requested = request.headers['access-control-request-headers']
  if (requested !== undefined) reply.header('access-control-allow-headers', requested)
  return await reply.code(204).headers(PREFLIGHT).send()
}
