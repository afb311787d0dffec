import type { Endpoint, Page as PageOf, Replay } from '@producersync/server/contract'
import { ofAccount } from '#src/api/client.ts'
import { mapView, useRead } from '#src/api/queries.ts'
import { hostOf } from '#src/endpoints/url.ts'
import { LiveSwitch } from '#src/live/live-switch.tsx'
import layout from '#src/look/layout.module.css'
import { ButtonLink } from '#src/parts/button.tsx'
import { type Column, Listing, RowLink } from '#src/parts/listing.tsx'
import { Empty } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { pageLinks, usePaging } from '#src/parts/page-links.tsx'
import { useAccount } from '#src/session/account.ts'
import { count } from '#src/text.ts'
import { deliveryText } from '#src/text-deliveries.ts'
import { Time } from '#src/time/time.tsx'
import { ReplayPill } from './replay-pill.tsx'

const words = deliveryText.replay
const PAGE_ROWS = 50

export function ReplaysScreen() {
  const account = useAccount()
  const paging = usePaging()
  const view = useRead<PageOf<Replay>>(account.id, ofAccount(account.id, 'replay'), {
    query: { limit: PAGE_ROWS, iterator: paging.values.cursor },
    topics: ['task'],
  })
  const nameOf = useEndpointNames(account.id)
  const page = view.kind === 'ready' ? view.data : null
  return (
    <Page title={words.list} acts={<LiveSwitch account={account.id} />}>
      <Listing
        name={words.list}
        view={mapView(view, ({ data }) => data)}
        columns={columns(account.id, nameOf)}
        keyOf={({ id }) => id}
        empty={
          <Empty
            title={words.none}
            acts={
              <ButtonLink to="/a/$account/log" params={{ account: account.id }}>
                {words.toLog}
              </ButtonLink>
            }
          >
            {words.noneBody}
          </Empty>
        }
        foot={pageLinks(page, paging)}
      />
    </Page>
  )
}

/** Endpoints by their id, in words; deleted ones by the id. */
export function useEndpointNames(account: string): (id: string) => string {
  const view = useRead<PageOf<Endpoint>>(account, ofAccount(account, 'endpoint'), { query: { limit: 250 } })
  const known = view.kind === 'ready' ? view.data.data : []
  return (id) => {
    const found = known.find((endpoint) => endpoint.id === id)
    return found ? found.description || hostOf(found.url) : id
  }
}

function columns(account: string, nameOf: (id: string) => string): Column<Replay>[] {
  const { columns: heads } = words
  return [
    { key: 'state', head: heads.state, isPlain: true, cell: (replay) => <ReplayPill of={replay} /> },
    {
      key: 'what',
      head: heads.what,
      cell: ({ id, kind }) => (
        <RowLink to="/a/$account/replays/$task" params={{ account, task: id }}>
          <span className={layout.nowrap}>{words.kinds[kind].label}</span>
        </RowLink>
      ),
    },
    { key: 'endpoint', head: heads.endpoint, cell: ({ endpointId }) => nameOf(endpointId) },
    {
      key: 'progress',
      head: heads.progress,
      isNumber: true,
      cell: ({ done, total, planned }) => words.progress(done, count(total ?? planned)),
    },
    { key: 'failed', head: heads.failed, isNumber: true, cell: ({ failed }) => count(failed) },
    { key: 'started', head: heads.started, cell: ({ createdAt }) => <Time at={createdAt} isInRow /> },
  ]
}
