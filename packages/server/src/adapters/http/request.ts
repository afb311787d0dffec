import type {} from 'fastify'
import type { Account, Capability, Principal, Scope } from '#src/accounts/principal.ts'
import type { AuditNote } from './audit-note.ts'
import type { Operation } from './operation.ts'
import type { QueryParameters } from './query.ts'
import type { JsonLimits, ScannedJson } from './scan.ts'

/**
 * Who may call a route; checked before its body is read, a capability once what the path names has been found. An environment
 * key may call every management route.
 * `environment_key`: nobody else · a capability: also app tokens that hold it · `any`: every token · `none`: without a token ·
 * `staff`: an environment key, or the operator's staff in the portal; to others there is nothing ·
 * a scope (`/v1`, `/v2` only): tokens that have it.
 */
export type Access = 'environment_key' | 'staff' | 'any' | 'none' | Capability | Scope

/** The two families of routes that read JSON and judge tokens. They differ in errors, queries and who may call. */
export type Family = 'management' | 'producersync'

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
    /** Which rules hold; set for every route of a family. */
    family?: Family | 'oauth' | 'portal'
    /** How openapi.json describes it. */
    operation?: Operation
    /**
     * Management routes: finds what the path names beneath the account, and notes it on the request; runs before the capability
     * of `access` is asked for (webhook-api 2.1).
     * @throws DomainError not_found
     */
    find?: (request: FastifyRequest) => Promise<void>
    /** Its answer holds a secret that is shown once: it is not kept for a repeat with the same Idempotency-Key. */
    answersSecret?: true
    /** Management routes: an operation that exists elsewhere and is answered 501 here. */
    notImplemented?: true
    /** The account of `:app_id` is left to the route: it may not exist yet. */
    accountMayBeMissing?: boolean
    /** How old what is known of the account may be, in ms; default 0: it is read anew. */
    accountMaxAgeMs?: number
    /** Limits of the body's JSON that differ from `JSON_LIMITS`. */
    json?: Partial<JsonLimits>
    /** A lower limit than the route's `bodyLimit`, known only once the caller is: an environment's setting. */
    bodyBytesMax?: (request: FastifyRequest) => number
  }

  interface FastifyRequest {
    family: Family
    /** Whom the token speaks for. Set unless the route's access is `none`. */
    principal: Principal
    /** The account named by `:app_id`; under `/v1` and `/v2` the caller's own. Set where a route has one. */
    account: Account
    /** The body as it was received; empty when there was none. */
    bytes: Buffer
    /** The body, checked; `{}` when it was empty. Set once access was granted. */
    scanned: ScannedJson
    /** The query, decoded. Set once access was granted. */
    parameters: QueryParameters
    /** What the audit is to say of it. */
    audit: AuditNote
    /** Unknown names at the body's top level (webhook-api 4.2). */
    ignoredFields: string[]
  }
}
