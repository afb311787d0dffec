import type { AuditLine } from '@producersync/server/contract'
import { Link } from '@tanstack/react-router'
import layout from '#src/look/layout.module.css'
import type { Column } from '#src/parts/listing.tsx'
import { roleWords } from '#src/session/roles.ts'
import { pageOfId } from '#src/shell/destination.ts'
import { accountText } from '#src/text-account.ts'
import { Time } from '#src/time/time.tsx'
import { type Change, fieldWords, isMoment, isNothing, targetWords, valueWords } from './change-words.ts'

const words = accountText.activity

/** The columns of an audit, for an account or, with the account of each line, for an environment. */
export function columnsOf(account: string | null): Column<AuditLine>[] {
  return [
    { key: 'at', head: words.when, isPlain: true, cell: ({ at }) => <Time at={at} form="seconds" /> },
    {
      key: 'who',
      head: words.who,
      isPlain: true,
      cell: ({ who: { kind, name, role } }) => (
        <span>
          {name ?? words.kinds[kind] ?? kind}
          <span className={layout.muted}>
            {[name !== null && words.kinds[kind], role && roleWords(role)].filter(Boolean).map((part) => ` · ${part}`)}
          </span>
        </span>
      ),
    },
    {
      key: 'what',
      head: words.what,
      isPlain: true,
      cell: ({ summary }) => <span className={layout.cell}>{summary}</span>,
    },
    {
      key: 'target',
      head: words.target,
      cell: ({ target }) => (target === null ? '' : <Target target={target} account={account} />),
    },
    {
      key: 'changes',
      head: words.changes,
      cell: ({ changes, reason }) =>
        changes.length > 0 || reason !== null ? (
          <span className={layout.tight}>
            {changes.map((change) => (
              <ChangeOf key={change.field} change={change} />
            ))}
            {reason !== null && <span>{words.reason(reason)}</span>}
          </span>
        ) : null,
    },
    {
      key: 'from',
      head: words.from,
      cell: ({ address }) =>
        address === null ? (
          <span className={layout.nowrap}>{words.commandLine}</span>
        ) : (
          <code className={layout.nowrap}>{address}</code>
        ),
    },
  ]
}

/** `Disabled: No → Yes`; of what nobody should read only that it was changed. */
function ChangeOf({ change: { field, before, after, withheld } }: { change: Change }) {
  return (
    <span className={layout.cell}>
      <span className={layout.muted}>{words.ofField(fieldWords(field))}</span>
      {withheld ? (
        words.withheld
      ) : (
        <>
          {!isNothing(before) && (
            <>
              <Value field={field} value={before} />
              {words.becomes}
            </>
          )}
          <Value field={field} value={after} />
        </>
      )}
    </span>
  )
}

function Value({ field, value }: { field: string; value: unknown }) {
  return isMoment(value) ? <Time at={value} form="short" /> : valueWords(field, value)
}

function Target({ target: { kind, id }, account }: { target: { kind: string; id: string }; account: string | null }) {
  const hasPage = pageOfId(id) !== undefined
  return (
    <span className={layout.cell}>
      {targetWords(kind)}{' '}
      {hasPage && account !== null ? (
        <Link to="/o/$id" params={{ id }} search={{ account }} className={layout.mono}>
          {id}
        </Link>
      ) : (
        <code>{id}</code>
      )}
    </span>
  )
}
