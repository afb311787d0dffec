import type { Endpoint, Page } from '@producersync/server/contract'
import { Link } from '@tanstack/react-router'
import { ofAccount } from '#src/api/client.ts'
import { useRead } from '#src/api/queries.ts'
import { endpointName } from '#src/endpoints/url.ts'
import { Notice } from '#src/parts/notice.tsx'
import { endpointText } from '#src/text-endpoints.ts'

/** Two endpoints with one URL get everything twice, which is seldom meant. @param except  the one that is being changed */
export function SameUrl({ account, url, except }: { account: string; url: string; except?: string }) {
  const wanted = url.trim()
  const view = useRead<Page<Endpoint>>(account, ofAccount(account, 'endpoint'), { query: { limit: 250 } })
  const known = view.kind === 'ready' && wanted !== '' ? view.data.data : []
  const same = known.find((one) => one.url === wanted && one.id !== except)
  if (!same) return null
  return (
    <Notice tone="warn" title={endpointText.endpointForm.sameUrl}>
      <Link to="/a/$account/endpoints/$endpoint" params={{ account, endpoint: same.id }}>
        {endpointName(same)}
      </Link>
    </Notice>
  )
}
