import type { Delivery, Page } from '@producersync/server/contract'
import { Link } from '@tanstack/react-router'
import { ofAccount } from '#src/api/client.ts'
import { mapView, useRead } from '#src/api/queries.ts'
import layout from '#src/look/layout.module.css'
import { LiveListing } from '#src/parts/listing.tsx'
import { Empty } from '#src/parts/notice.tsx'
import { text } from '#src/text.ts'
import { deliveryText } from '#src/text-deliveries.ts'
import { deliveryColumns } from './delivery-columns.tsx'

const words = text.home

/** The last deliveries, of the account or of one endpoint, and the way to all of them. */
export function RecentDeliveries({ account, endpoint, limit }: { account: string; endpoint?: string; limit: number }) {
  const view = useRead<Page<Delivery>>(account, ofAccount(account, 'delivery'), {
    query: { limit, endpoint },
    topics: ['delivery'],
  })
  return (
    <section className={layout.stack} aria-labelledby="recent">
      <div className={layout.spread}>
        <h2 id="recent">{words.recent}</h2>
        <Link to="/a/$account/log" params={{ account }} search={{ endpoint }}>
          {words.seeLog}
        </Link>
      </div>
      <LiveListing
        isWide
        name={words.recent}
        view={mapView(view, ({ data }) => data)}
        keyOf={({ id }) => id}
        columns={deliveryColumns(account, { isOfEndpoint: endpoint !== undefined })}
        empty={<Empty title={words.noDeliveries}>{deliveryText.log.firstBody}</Empty>}
      />
    </section>
  )
}
