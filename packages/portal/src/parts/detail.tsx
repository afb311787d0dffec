import type { ReactNode } from 'react'
import type { View } from '#src/api/queries.ts'
import { ErrorNotice, Skeleton, Stale } from './notice.tsx'
import { Page } from './page.tsx'

/**
 * The page of one object, which names itself only when it is there. Until then, and when it cannot be read, it stands under the
 * name of its kind.
 * @param children  the whole page, once the object is there
 */
export function Detail<Data>({
  view,
  title,
  crumbs,
  beside,
  children,
}: {
  view: View<Data>
  title: string
  crumbs: ReactNode
  beside?: ReactNode
  children: (data: Data) => ReactNode
}) {
  if (view.kind === 'ready') {
    return (
      <>
        {view.staleSince && <Stale since={view.staleSince} />}
        {children(view.data)}
      </>
    )
  }
  return (
    <Page title={title} crumbs={crumbs} beside={beside}>
      {view.kind === 'failed' ? <ErrorNotice error={view.error} retry={view.retry} /> : <Skeleton />}
    </Page>
  )
}
