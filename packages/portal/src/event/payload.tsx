import { useQuery } from '@tanstack/react-query'
import { call, ofAccount } from '#src/api/client.ts'
import { JsonView } from '#src/json/json-view.tsx'
import { memberText } from '#src/json/tree.ts'
import layout from '#src/look/layout.module.css'
import { ErrorNotice, Skeleton } from '#src/parts/notice.tsx'
import { deliveryText } from '#src/text-deliveries.ts'

const words = deliveryText.event

/** The payload as it is sent: taken out of the answer as text, so that numbers and the order of keys stay as they were written. */
export function Payload({ account, msgId, isGone }: { account: string; msgId: string; isGone: boolean }) {
  const result = usePayload(account, msgId, !isGone)
  if (isGone) return <p className={layout.muted}>{words.gone}</p>
  if (result.error) return <ErrorNotice error={result.error} retry={() => void result.refetch()} />
  return result.data === undefined ? <Skeleton rows={4} /> : <JsonView text={result.data} />
}

/** The bytes of an event never change. */
export function usePayload(account: string, msgId: string, isEnabled: boolean) {
  const path = ofAccount(account, 'msg', msgId)
  return useQuery({
    queryKey: [account, path, 'payload'],
    queryFn: async ({ signal }) => memberText(await (await call(account, path, { signal })).text(), 'payload') ?? '',
    enabled: isEnabled,
    staleTime: Number.POSITIVE_INFINITY,
  })
}
