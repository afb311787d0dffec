import type { Page as PageOf, Replay } from '@producersync/server/contract'
import { useAddress } from '#src/address/use-address.ts'
import { ofAccount } from '#src/api/client.ts'
import { mapView, useRead } from '#src/api/queries.ts'
import { endpointName, maskedUrl } from '#src/endpoints/url.ts'
import { LiveSwitch } from '#src/live/live-switch.tsx'
import layout from '#src/look/layout.module.css'
import { ButtonLink } from '#src/parts/button.tsx'
import { type Column, LiveListing, RowLink } from '#src/parts/listing.tsx'
import { Empty } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { pageLinks } from '#src/parts/page-links.tsx'
import { useAccount } from '#src/session/account.ts'
import { count } from '#src/text.ts'
import { deliveryText } from '#src/text-deliveries.ts'
import { Time } from '#src/time/time.tsx'
import { ReplayPill } from './replay-pill.tsx'

const words = deliveryText.replay
const PAGE_ROWS = 50

export function ReplaysScreen() {
  const account = useAccount()
  const { values, faults, change } = useAddress()
  const view = useRead<PageOf<Replay>>(account.id, ofAccount(account.id, 'replay'), {
    query: { limit: PAGE_ROWS, iterator: values.cursor },
    topics: ['task'],
  })
  const page = view.kind === 'ready' ? view.data : null
  return (
    <Page title={words.list} ignored={faults} acts={<LiveSwitch account={account.id} />}>
      <LiveListing
        name={words.list}
        view={mapView(view, ({ data }) => data)}
        columns={columns(account.id)}
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
        foot={pageLinks(page, { values, change })}
      />
    </Page>
  )
}

/** The endpoint of a replay, as people call it; also of one that was deleted. */
export function replayEndpoint({ endpointUrl: url, endpointDescription: description }: Replay): string {
  return endpointName({ url, description })
}

function columns(account: string): Column<Replay>[] {
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
    {
      key: 'endpoint',
      head: heads.endpoint,
      cell: (replay) => <span data-tip={maskedUrl(replay.endpointUrl)}>{replayEndpoint(replay)}</span>,
    },
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
