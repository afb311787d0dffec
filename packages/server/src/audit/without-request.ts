import type { CommandDone } from '#src/accounts/operator.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { changesOf } from './audit.ts'
import { addAuditLine } from './store.ts'

/**
 * Notes what is done without a request.
 * @param kind  `command_line`: whoever may read the service's configuration; who that was, the host's own records say.
 *              `service`: what it does by itself
 */
export function withoutRequest(
  ids: IdSource,
  kind: 'command_line' | 'service',
): (tx: Queryable, done: CommandDone) => Promise<void> {
  const actor = { kind, id: null, name: null, role: null }
  return async (tx, { target = null, before = null, after = null, ...done }) => {
    const line = { ...done, actor, target, changes: changesOf(before, after) }
    await addAuditLine(tx, { ids }, { ...line, reason: null, address: null, requestId: null })
  }
}
