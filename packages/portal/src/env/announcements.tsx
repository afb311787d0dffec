import type { RunAnnouncement } from '@producersync/server/contract'
import { oneOf } from '#src/address/search.ts'
import { useAddress } from '#src/address/use-address.ts'
import { mapView, useRead } from '#src/api/queries.ts'
import layout from '#src/look/layout.module.css'
import { Checkbox } from '#src/parts/field.tsx'
import { type Column, LiveListing, Pager, RowLink } from '#src/parts/listing.tsx'
import { Empty } from '#src/parts/notice.tsx'
import { Ignored } from '#src/parts/page.tsx'
import { STAFF } from '#src/session/session.ts'
import { count } from '#src/text.ts'
import { envText } from '#src/text-env.ts'
import { type AnnouncementsPage, nextToken, RUNS_PATH } from './run-calls.ts'

const words = envText.runs
const SIZE = 50
const NONE: never[] = []
const KNOWN = { state: oneOf(['waiting']) }

/** Which accounts a run has told, and whom its event has not reached yet. */
export function Announcements({ run }: { run: string }) {
  const { values, faults, change } = useAddress(KNOWN)
  const onlyWaiting = values.state !== undefined
  const token = values.cursor
  const view = useRead<AnnouncementsPage>(STAFF, `${RUNS_PATH}/${encodeURIComponent(run)}/announcements`, {
    query: { size: SIZE, continuationToken: token, waiting: onlyWaiting || undefined },
    everyMs: 15_000,
  })
  const rows = mapView(view, ({ embedded }) => embedded?.announcements ?? NONE)
  const next = view.kind === 'ready' && rows.kind === 'ready' ? nextToken(view.data, rows.data.length, SIZE) : undefined
  return (
    <section className={layout.stack} aria-label={words.told}>
      <div className={layout.spread}>
        <h2>{words.told}</h2>
        <Checkbox
          label={words.onlyWaiting}
          isChecked={onlyWaiting}
          onChange={(isOn) => change({ state: isOn ? ['waiting'] : undefined })}
        />
      </div>
      <Ignored names={faults} />
      <LiveListing
        name={words.told}
        view={rows}
        keyOf={({ accountId }) => accountId}
        columns={COLUMNS}
        empty={<Empty title={onlyWaiting ? words.nobodyWaits : words.nobodyTold} />}
        foot={
          (token !== undefined || next !== undefined) && (
            <Pager
              onNewer={token === undefined ? null : () => change({ cursor: undefined })}
              onOlder={next === undefined ? null : () => change({ cursor: next })}
            />
          )
        }
      />
    </section>
  )
}

const COLUMNS: Column<RunAnnouncement>[] = [
  {
    key: 'account',
    head: envText.accounts.account,
    isPlain: true,
    cell: ({ accountId, event }) => (
      <RowLink to="/a/$account/events/$event" params={{ account: accountId, event: event.id }}>
        <code>{accountId}</code>
      </RowLink>
    ),
  },
  {
    key: 'waiting',
    head: words.state,
    cell: ({ waiting }) => (waiting ? words.waiting : words.ended),
  },
  { key: 'producers', head: words.changed, isNumber: true, cell: ({ producersChanged }) => count(producersChanged) },
  {
    key: 'records',
    head: words.records,
    isNumber: true,
    cell: ({ recordsByKind }) =>
      count(Object.values(recordsByKind).reduce<number>((sum, records = 0) => sum + records, 0)),
  },
]
