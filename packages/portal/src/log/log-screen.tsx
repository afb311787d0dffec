import { Page } from '#src/parts/page.tsx'
import { deliveryText } from '#src/text-deliveries.ts'
import { DeliveriesView } from './deliveries-view.tsx'

export function LogScreen() {
  return (
    <Page title={deliveryText.log.title}>
      <DeliveriesView />
    </Page>
  )
}
