import type { AccountKey, Page as ApiPage, NewAccountKey } from '@producersync/server/contract'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { mapView, useRead } from '#src/api/queries.ts'
import { useRefresh } from '#src/api/refresh.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { type Column, Listing } from '#src/parts/listing.tsx'
import { Empty } from '#src/parts/notice.tsx'
import { useRevoking } from '#src/parts/revoking.tsx'
import { ShownOnce } from '#src/parts/shown-once.tsx'
import type { Account } from '#src/session/account.ts'
import { roleWords } from '#src/session/roles.ts'
import { text } from '#src/text.ts'
import { accountText } from '#src/text-account.ts'
import { LastAge, Time } from '#src/time/time.tsx'
import { KeyDialog } from './key-dialog.tsx'

const words = accountText.keysOf

/** What programs sign in with. */
export function Keys({ account }: { account: Account }) {
  const path = ofAccount(account.id, 'key')
  const view = useRead<ApiPage<AccountKey>>(account.id, path, { query: { limit: 250 } })
  const refresh = useRefresh(account.id)
  const [isAdding, setAdding] = useState(false)
  const [made, setMade] = useState<NewAccountKey | null>(null)
  const revoking = useRevoking<AccountKey>({
    verb: words.revoke,
    titleOf: ({ name }) => words.revokeTitle(name),
    effect: words.revokeEffect,
    mayRevoke: ({ revokedAt }) => revokedAt === null,
    revoke: async ({ id }) => {
      await fetchJson<void>(account.id, `${path}/${encodeURIComponent(id)}`, { method: 'DELETE' })
      await refresh()
    },
  })
  const columns: Column<AccountKey>[] = [
    {
      key: 'name',
      head: words.name,
      isPlain: true,
      cell: ({ name, id }) => (
        <span className={layout.tight}>
          <strong className={layout.cell}>{name}</strong>
          <code>{id}</code>
        </span>
      ),
    },
    { key: 'kind', head: words.kind, cell: ({ kind }) => <span className={layout.nowrap}>{words.kinds[kind]}</span> },
    { key: 'may', head: words.may, cell: ({ role, scopes }) => (role === null ? scopes.join(', ') : roleWords(role)) },
    {
      key: 'used',
      head: words.lastUsed,
      cell: ({ lastUsedAt }) => <LastAge at={lastUsedAt} />,
    },
    {
      key: 'expires',
      head: words.expires,
      cell: ({ expiresAt, revokedAt }) =>
        revokedAt !== null ? (
          words.revoked
        ) : expiresAt === null ? (
          text.common.never
        ) : (
          <Time at={expiresAt} form="day" />
        ),
    },
    revoking.column,
  ]
  return (
    <section className={layout.stack} aria-labelledby="keys">
      <div className={layout.spread}>
        <h2 id="keys">{words.title}</h2>
        <Button icon={Plus} onPress={() => setAdding(true)}>
          {words.add}
        </Button>
      </div>
      {made && (
        <ShownOnce
          title={words.made(made.key.name)}
          value={made.secret}
          name={words.secret}
          note={made.key.kind === 'client' ? words.clientId(made.key.id) : undefined}
          onDone={() => setMade(null)}
        />
      )}
      <Listing
        name={words.title}
        view={mapView(view, ({ data }) => data)}
        keyOf={({ id }) => id}
        columns={columns}
        empty={<Empty title={words.none}>{words.noneBody}</Empty>}
      />
      {isAdding && (
        <KeyDialog
          account={account}
          onClose={() => setAdding(false)}
          onMade={(key) => {
            setAdding(false)
            setMade(key)
          }}
        />
      )}
      {revoking.dialog}
    </section>
  )
}
