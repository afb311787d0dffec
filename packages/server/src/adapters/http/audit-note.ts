import type { FastifyRequest } from 'fastify'
import type { Actor, Environment } from '#src/accounts/principal.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { settingsOf } from './idempotency.ts'

/** What a route knows of its write that its path and its caller do not say. */
export type Said = {
  /** Whose account it was, where the path names none: one that was just made. */
  accountId?: string
  /** What was written, where that is not the last thing that the path names. */
  target?: { kind: string; id: string }
  /** The object as the API shows it, before and after; null: there was none, or is none now. */
  before?: object | null
  after?: object | null
  /** Fields that were written and are secret. */
  withheld?: readonly string[]
  /** Where no token says it. */
  by?: { environment: Environment; accountId: string; actor: Actor }
}

/** The one line that a request which changes something leaves in the audit. */
export type AuditNote = {
  /** Says more of the write than is known without. */
  say(said: Said): void
  /** Writes the line, as the last thing in the transaction that makes it true. */
  write(tx: Queryable): Promise<void>
}

/** For a server that keeps no audit. */
export const UNKEPT: AuditNote = { say: () => undefined, write: async () => undefined }

/** What runs transactions, as the functions take it that do what a request asks for. */
type Transactions = Pick<Database, 'transaction'>

/**
 * Transactions that are the write of a request: each ends with its line of the audit.
 * @param said  what the line is to say of what came out
 */
export function recording(
  database: Transactions,
  request: FastifyRequest,
  said: (result: unknown) => Said,
): Transactions {
  return {
    transaction: async (options, work) =>
      await database.transaction(options, async (tx) => {
        const result = await work(tx)
        request.audit.say(said(result))
        await request.audit.write(tx)
        return result
      }),
  }
}

/**
 * Runs `work` as the write that the request asks for: in a transaction that sees its environment and account, with its line of
 * the audit.
 */
export async function recorded<T>(
  database: Database,
  request: FastifyRequest,
  work: (tx: Queryable) => Promise<T>,
): Promise<T> {
  return await database.transaction({ settings: settingsOf(request) }, async (tx) => {
    const result = await work(tx)
    await request.audit.write(tx)
    return result
  })
}
