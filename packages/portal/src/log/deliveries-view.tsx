import type { Delivery, DeliveryCount, Page } from '@producersync/server/contract'
import { useState } from 'react'
import { ofAccount, type Query } from '#src/api/client.ts'
import { mapView, useRead } from '#src/api/queries.ts'
import { useKey } from '#src/keys/shortcuts.ts'
import { LiveSwitch } from '#src/live/live-switch.tsx'
import { Button, ButtonLink } from '#src/parts/button.tsx'
import { RowChoice } from '#src/parts/choice-column.tsx'
import { useHeldRows } from '#src/parts/held-rows.ts'
import { type Column, Listing } from '#src/parts/listing.tsx'
import { Empty } from '#src/parts/notice.tsx'
import { Ignored } from '#src/parts/page.tsx'
import { pageLinks, usePaging } from '#src/parts/page-links.tsx'
import { ReplayDialog } from '#src/replays/replay-dialog.tsx'
import { useAccount } from '#src/session/account.ts'
import { countOf, text } from '#src/text.ts'
import { deliveryText } from '#src/text-deliveries.ts'
import { deliveryColumns } from './delivery-columns.tsx'
import { ExportMenu } from './export-menu.tsx'
import { FilterBar } from './filter-bar.tsx'
import { filterWords } from './filter-words.ts'
import { toFilterBody, toPageQuery, toQuery, useFilters } from './filters.ts'
import styles from './log.module.css'
import { ResendDialog } from './resend-dialog.tsx'
import { SavedViews } from './saved-views.tsx'
import { useMinute } from './use-minute.ts'

const words = deliveryText.log
type Choice = { kind: 'none' } | { kind: 'some'; ids: ReadonlySet<string> } | { kind: 'all' }
const NOTHING: Choice = { kind: 'none' }

/** The deliveries of the account, or of one endpoint: filter, list, live changes, choice, replay and export. */
export function DeliveriesView({ endpoint }: { endpoint?: string }) {
  const account = useAccount()
  const now = useMinute()
  const { filters, faults, clear, isFiltered } = useFilters()
  const query = toQuery(filters, now, endpoint)
  const path = ofAccount(account.id, 'delivery')
  const page = useRead<Page<Delivery>>(account.id, path, { query: toPageQuery(query, filters), topics: ['delivery'] })
  const matching = useRead<DeliveryCount>(account.id, `${path}/count`, { query, topics: ['delivery'] })
  const paging = usePaging()
  const list = JSON.stringify([filters, endpoint])
  const { rows, fresh, mayBeMore, showFresh } = useHeldRows(page, list)

  const [choice, setChoice] = useState<{ list: string; of: Choice }>({ list, of: NOTHING })
  const chosen = choice.list === list ? choice.of : NOTHING
  const choose = (of: Choice) => setChoice({ list, of })
  const [isReplaying, setReplaying] = useState(false)
  const found = matching.kind === 'ready' && !matching.isFormer ? matching.data : null
  const matchingWords = found ? words.matching(found) : matching.kind === 'failed' ? words.notCounted : words.counting
  const foundWords = found ? countOf(found) : ''
  const chosenRows = chosen.kind === 'some' ? rows.filter(({ id }) => chosen.ids.has(id)) : []
  const whyNot = account.whyNot('CreateAttempts')

  /** What is chosen; else the row that has the focus. */
  function replay() {
    const { row } = document.activeElement?.closest<HTMLElement>('[data-row]')?.dataset ?? {}
    if (whyNot !== null || (chosen.kind === 'none' && row === undefined)) return
    if (chosen.kind === 'none' && row !== undefined) choose({ kind: 'some', ids: new Set([row]) })
    setReplaying(true)
  }
  useKey('r', text.keys.replay, replay)

  return (
    <>
      <SavedViews />
      <FilterBar endpoint={endpoint} result={matchingWords} />
      <Ignored names={faults} />
      <div className={styles.bar}>
        <span className={styles.group}>
          <span className={styles.count} role="status">
            {matchingWords}
          </span>
          <span aria-live="polite">
            {fresh > 0 && (
              <Button isSmall kind="primary" onPress={showFresh}>
                {words.newEvents(fresh, mayBeMore)}
              </Button>
            )}
          </span>
        </span>
        <span className={styles.group}>
          {chosen.kind !== 'none' && (
            <>
              <span className={styles.count}>
                {chosen.kind === 'all' ? words.allPicked(foundWords) : words.picked(chosenRows.length)}
              </span>
              <Button kind="quiet" onPress={() => choose(NOTHING)}>
                {words.unpick}
              </Button>
            </>
          )}
          {found !== null && found.count > 0 && chosen.kind !== 'all' && (
            <Button kind="quiet" onPress={() => choose({ kind: 'all' })}>
              {words.pickAll(foundWords)}
            </Button>
          )}
          <Button
            keys="r"
            onPress={() => setReplaying(true)}
            whyOff={whyNot ?? (chosen.kind === 'none' ? words.pickFirst : null)}
          >
            {words.replay}
          </Button>
          <ExportMenu account={account.id} query={query} />
          <LiveSwitch account={account.id} />
        </span>
      </div>
      <Listing
        isWide
        name={words.list}
        view={mapView(page, () => rows)}
        columns={[pickColumn(chosen, choose), ...deliveryColumns(account.id, { isOfEndpoint: endpoint !== undefined })]}
        keyOf={({ id }) => id}
        empty={
          page.kind === 'ready' && !page.data.done ? (
            <NoneYet lookOn={() => paging.change({ cursor: page.data.iterator ?? undefined })} />
          ) : (
            <NoDeliveries isFiltered={isFiltered} clear={clear} account={account.id} />
          )
        }
        foot={page.kind === 'ready' && pageLinks(page.data, paging)}
      />
      {isReplaying && chosen.kind === 'some' && (
        <ResendDialog
          account={account.id}
          chosen={chosenRows}
          onClose={() => setReplaying(false)}
          onDone={() => {
            setReplaying(false)
            choose(NOTHING)
          }}
        />
      )}
      {isReplaying && chosen.kind === 'all' && (
        <ReplayDialog
          wish={{
            kind: 'bulk-replay',
            endpointIds: endpointsOf(query),
            filter: toFilterBody(query),
            filterWords: filterWords(filters),
          }}
          onClose={() => setReplaying(false)}
        />
      )}
    </>
  )
}

function endpointsOf({ endpoint }: Query): readonly string[] | null {
  return Array.isArray(endpoint) && endpoint.length > 0 ? endpoint : null
}

function toggled(choice: Choice, id: string): Choice {
  const ids = new Set(choice.kind === 'some' ? choice.ids : [])
  if (!ids.delete(id)) ids.add(id)
  return ids.size === 0 ? NOTHING : { kind: 'some', ids }
}

function pickColumn(chosen: Choice, choose: (choice: Choice) => void): Column<Delivery> {
  return {
    key: 'pick',
    head: '',
    isPlain: true,
    cell: ({ id, msgId }) => (
      <RowChoice
        name={words.pickOne(msgId)}
        of={id}
        isChosen={chosen.kind === 'all' || (chosen.kind === 'some' && chosen.ids.has(id))}
        onToggle={() => choose(toggled(chosen, id))}
      />
    ),
  }
}

function NoDeliveries({ isFiltered, clear, account }: { isFiltered: boolean; clear: () => void; account: string }) {
  if (isFiltered) {
    return (
      <Empty title={words.none} acts={<Button onPress={clear}>{text.common.clear}</Button>}>
        {words.noneBody}
      </Empty>
    )
  }
  return (
    <Empty
      title={words.first}
      acts={
        <ButtonLink to="/a/$account/endpoints" params={{ account }}>
          {words.firstAct}
        </ButtonLink>
      }
    >
      {words.firstBody}
    </Empty>
  )
}

/** A page may end before it has found anything: what it has not looked at yet is on the next one. */
function NoneYet({ lookOn }: { lookOn: () => void }) {
  return (
    <Empty title={words.noneYet} acts={<Button onPress={lookOn}>{words.lookOn}</Button>}>
      {words.noneYetBody}
    </Empty>
  )
}
