import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type Actor, actorOf, visibleTo } from '#src/accounts/principal.ts'
import type { AuditNote, Said } from '#src/adapters/http/audit-note.ts'
import { staffReasonOf } from '#src/adapters/http/staff-reason.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { reasonOf } from '#src/adapters/reason.ts'
import { changesOf, type NewAuditLine } from './audit.ts'
import { addAuditLine } from './store.ts'
import { leavesLine } from './unrecorded.ts'

type Parts = { api: Database; ids: IdSource }

/**
 * Gives each request its note for the audit. What changes something writes it in its own transaction; where a route does not,
 * the line is written once the change is committed, before it is answered.
 */
export function keepAudit(http: FastifyInstance, parts: Parts): void {
  http.addHook('onRequest', (request, _reply, done) => {
    request.audit = new RequestNote(request, parts)
    done()
  })
  http.addHook('onSend', async (request, reply, payload) => {
    const { audit } = request
    const isDone = reply.statusCode < 300 && !reply.hasHeader('x-idempotent-replay')
    if (audit instanceof RequestNote && isDone && !audit.isWritten && leavesLine(request)) await audit.writeLate()
    return payload
  })
}

class RequestNote implements AuditNote {
  readonly #request: FastifyRequest
  readonly #parts: Parts
  #said: Said = {}
  isWritten = false

  constructor(request: FastifyRequest, parts: Parts) {
    this.#request = request
    this.#parts = parts
  }

  say(said: Said): void {
    this.#said = { ...this.#said, ...said }
  }

  async write(tx: Queryable): Promise<void> {
    const line = leavesLine(this.#request) ? this.#line() : null
    if (line) await addAuditLine(tx, this.#parts, line)
    this.isWritten = true
  }

  /** The change stands already: it is answered, whatever becomes of its line. */
  async writeLate(): Promise<void> {
    const line = this.#line()
    if (!line) return
    try {
      const settings = visibleTo(line.environment, line.accountId ?? undefined)
      await this.#parts.api.transaction({ settings }, (tx) => this.write(tx))
    } catch (error) {
      this.#request.log.error({
        event: 'audit.missed',
        requestId: this.#request.id,
        operation: line.operation,
        reason: reasonOf(error),
      })
    }
  }

  /** @returns null when nobody is known who could have done something */
  #line(): NewAuditLine | null {
    const { before = null, after = null, withheld = [], target, by, accountId } = this.#said
    const who = by ?? callerOf(this.#request)
    if (!who) return null
    return {
      environment: who.environment,
      accountId: accountId ?? who.accountId,
      actor: who.actor,
      operation: this.#request.routeOptions.config.operation?.id ?? this.#request.routeOptions.url ?? '',
      target: target ?? addressedBy(this.#request, accountId ?? who.accountId),
      changes: [...changesOf(before, after), ...withheld.map((field) => ({ field, withheld: true }) as const)],
      reason: who.actor.kind === 'staff' ? staffReasonOf(this.#request) : null,
      address: this.#request.ip,
      requestId: this.#request.id,
    }
  }
}

function callerOf(
  request: FastifyRequest,
): { environment: 'sandbox' | 'production'; accountId: string | null; actor: Actor } | null {
  // what is open to all has no principal, and what names no account has none
  const { principal, account }: { principal?: FastifyRequest['principal']; account?: FastifyRequest['account'] } =
    request
  if (!principal) return null
  const accountId = account?.id ?? principal.accountId
  return { environment: principal.environment, accountId, actor: actorOf(principal) }
}

/** The last thing that the path names: `/app/:app_id/endpoint/:endpoint_id` is about an endpoint. */
function addressedBy({ params }: FastifyRequest, accountId: string | null): NewAuditLine['target'] {
  if (typeof params !== 'object' || params === null) return null
  const [name, id] = Object.entries(params).at(-1) ?? []
  if (name === undefined || typeof id !== 'string') return null
  if (name === 'app_id') return { kind: 'app', id: accountId ?? id }
  return { kind: KINDS[name] ?? name.replace(/_?id$/i, ''), id }
}

/** Names of what paths name otherwise than by `…_id`. */
const KINDS: Readonly<Record<string, string>> = { id: 'run', event_type_name: 'event_type' }
