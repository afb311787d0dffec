import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Account, Principal } from '#src/accounts/principal.ts'
import { DomainError, notFound } from '#src/domain-error.ts'
import { ignoredFieldsHeader } from './body.ts'
import { parseQuery } from './query.ts'
import type { Access, Family } from './request.ts'
import { EMPTY_JSON, JSON_LIMITS, scanJson } from './scan.ts'

/** Who tokens speak for, and what they may name. */
export type AccessControl = {
  /** @throws DomainError unauthenticated */
  authenticate: (bearer: string | undefined) => Promise<Principal>
  /** @throws DomainError not_found for what is not the principal's */
  accountOf: (principal: Principal, idOrUid: string, options?: { maxAgeMs?: number }) => Promise<Account>
}

const BEARER = /^bearer +([\w.~+/-]+=*) *$/i
const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?$/i
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
const PATH_VALUE_MAX = 256

/** The token of an `authorization` header; undefined when there is none in it. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return authorization === undefined ? undefined : BEARER.exec(authorization)?.[1]
}

/** Every route of a family says who may call it: one that does not is a mistake, found when it is added. */
export function requireAccessRules(scope: FastifyInstance, family: Family, isKnown: (access: Access) => boolean): void {
  scope.addHook('onRoute', (route) => {
    const { method, url, config } = route
    if (config?.access === undefined || !isKnown(config.access)) {
      throw new Error(`The route ${String(method)} ${url} does not say who may call it.`)
    }
    route.config = { ...config, family }
  })
}

/** Names what a route left unread of a body (webhook-api 4.2). */
export function nameIgnoredFields(scope: FastifyInstance): void {
  scope.addHook('onSend', (request, reply, payload, done) => {
    const ignored = ignoredFieldsHeader(request.ignoredFields)
    if (ignored !== undefined) reply.header('x-ignored-fields', ignored)
    done(null, payload)
  })
}

/** Reads body and query of a request that may be made: size, media type, JSON, percent-encoding. */
export function readInput(scope: FastifyInstance): void {
  scope.addHook('preValidation', (request, _reply, done) => {
    try {
      request.scanned = readJson(request)
      request.parameters = parseQuery(queryText(request))
      done()
    } catch (error) {
      done(error instanceof Error ? error : new Error('input could not be read', { cause: error }))
    }
  })
}

/** The answer for a path that no route matches: which methods it has, if any. */
export function noSuchRoute(http: FastifyInstance, request: FastifyRequest): { error: DomainError; allow?: string } {
  const url = request.raw.url ?? '/'
  const methods = METHODS.filter((method) => http.findRoute({ method, url }) !== null)
  if (methods.length === 0) return { error: notFound() }
  return {
    error: new DomainError('method_not_allowed', 'This path does not have this method.'),
    allow: methods.join(', '),
  }
}

/** A value of the path, decoded; undefined when the route's path has none of this name. */
export function pathValue({ params }: FastifyRequest, name: string): string | undefined {
  const value: unknown = typeof params === 'object' && params !== null ? Reflect.get(params, name) : undefined
  return typeof value === 'string' ? value : undefined
}

export const UUID = /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/

/** A value of the path that is a UUID, in small letters. @throws DomainError not_found for any other text */
export function uuidInPath(request: FastifyRequest, name: string): string {
  const value = pathValue(request, name)
  if (value === undefined || !UUID.test(value)) throw notFound()
  return value.toLowerCase()
}

/** Is there a value in the path that nothing can be named: too long, or with a character that no row can hold? */
export function hasImpossiblePathValue(request: FastifyRequest): boolean {
  const { params } = request
  if (typeof params !== 'object' || params === null) return false
  for (const value of Object.values(params)) {
    if (typeof value === 'string' && (value.length > PATH_VALUE_MAX || value.includes('\0'))) return true
  }
  return false
}

function readJson(request: FastifyRequest) {
  const { bytes, headers } = request
  if (bytes.length === 0) return EMPTY_JSON
  const { json, bodyBytesMax } = request.routeOptions.config
  const limit = bodyBytesMax?.(request)
  if (limit !== undefined && bytes.length > limit) throw tooLarge(limit)
  refuseOtherThanJson(request)
  if ((headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity') {
    throw new DomainError('unsupported_media_type', 'The body must not be encoded.')
  }
  return scanJson(bytes, json === undefined ? JSON_LIMITS : { ...JSON_LIMITS, ...json })
}

/** @throws DomainError unsupported_media_type */
export function refuseOtherThanJson({ headers }: FastifyRequest): void {
  if (JSON_TYPE.test(headers['content-type'] ?? '')) return
  throw new DomainError('unsupported_media_type', 'The body must be application/json in UTF-8.')
}

function queryText({ query }: FastifyRequest): string {
  return typeof query === 'object' && query !== null && 'text' in query ? String(query.text) : ''
}

export function tooLarge(limit: number): DomainError {
  return new DomainError('payload_too_large', `The body must not be larger than ${limit} bytes.`)
}
