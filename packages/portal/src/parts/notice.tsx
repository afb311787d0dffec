import { CircleAlert, CircleCheck, Info, type LucideIcon, TriangleAlert } from 'lucide-react'
import { type ReactNode, useEffect, useRef } from 'react'
import type { View } from '#src/api/queries.ts'
import { ApiError } from '#src/api/request.ts'
import { text } from '#src/text.ts'
import { Button } from './button.tsx'
import { cx } from './class-names.ts'
import { CopyText } from './copy.tsx'
import { Icon } from './icon.tsx'
import styles from './notice.module.css'

type Tone = 'bad' | 'warn' | 'ok' | 'wait'

const ICONS: Record<Tone, LucideIcon> = { bad: CircleAlert, warn: TriangleAlert, ok: CircleCheck, wait: Info }

/** Something the reader should know, beside what it is about. */
export function Notice({
  tone = 'wait',
  title,
  children,
  acts,
}: {
  tone?: Tone
  title: ReactNode
  children?: ReactNode
  acts?: ReactNode
}) {
  return (
    <div className={cx(styles.notice, styles[tone])}>
      <Icon of={ICONS[tone]} />
      <div className={styles.body}>
        <strong>{title}</strong>
        {children != null && <div>{children}</div>}
      </div>
      {acts != null && <div className={styles.acts}>{acts}</div>}
    </div>
  )
}

/** What failed, what to do, and the request's id for whoever is asked about it. */
export function ErrorNotice({
  error,
  retry,
  takesFocus,
}: {
  error: unknown
  retry?: () => void
  takesFocus?: boolean
}) {
  const { title, advice, requestId } = explain(error)
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (takesFocus && error) box.current?.focus()
  }, [takesFocus, error])
  return (
    <div ref={box} role="alert" tabIndex={-1}>
      <Notice
        tone="bad"
        title={title}
        acts={
          retry && (
            <Button isSmall onPress={retry}>
              {text.common.retry}
            </Button>
          )
        }
      >
        {advice}
        {requestId !== null && (
          <div className={styles.small}>
            {text.errors.request} <CopyText value={requestId} name={text.errors.requestName} />
          </div>
        )}
      </Notice>
    </div>
  )
}

/** What the service says of other refusals is more exact; of these it speaks to programs, of tokens and entities. */
const SAID_BY_STATUS: ReadonlySet<number> = new Set([0, 401, 403, 404, 429])

/** An error in words: what happened and what can be done. */
export function explain(error: unknown): { title: string; advice: string; requestId: string | null } {
  if (!(error instanceof ApiError)) {
    return { title: text.errors.page, advice: text.errors.pageAdvice, requestId: null }
  }
  const { status, requestId } = error
  const words = text.errors.byStatus(status, error.retryAfterSeconds)
  const isOurs = SAID_BY_STATUS.has(status) || status >= 500
  return { title: isOurs ? words.title : error.message, advice: words.advice, requestId }
}

export function Empty({ title, children, acts }: { title: string; children?: ReactNode; acts?: ReactNode }) {
  return (
    <div className={styles.empty}>
      <h2>{title}</h2>
      {children != null && <p>{children}</p>}
      {acts != null && <div className={styles.acts}>{acts}</div>}
    </div>
  )
}

const WIDTHS = ['72%', '64%', '68%', '58%', '70%', '62%']

/** Seen only when loading takes longer than a fifth of a second. */
export function Skeleton({ rows = WIDTHS.length }: { rows?: number }) {
  return (
    <div className={styles.skeleton} role="status" aria-label={text.common.loading}>
      {WIDTHS.slice(0, rows).map((width) => (
        <span key={width} style={{ width }} />
      ))}
    </div>
  )
}

/** Draws what a view has, or what stands in its place. */
export function Part<Data>({
  of: view,
  rows,
  children,
}: {
  of: View<Data>
  rows?: number
  children: (data: Data) => ReactNode
}) {
  switch (view.kind) {
    case 'loading':
      return <Skeleton rows={rows} />
    case 'failed':
      return <ErrorNotice error={view.error} retry={view.retry} />
    case 'ready':
      return (
        <>
          {view.staleSince && <Stale since={view.staleSince} />}
          {children(view.data)}
        </>
      )
  }
}

/** What is shown is from then: it could not be read since. */
export function Stale({ since }: { since: Date }) {
  return (
    <div role="status" className={styles.small}>
      {text.common.stale(`${since.toISOString().slice(11, 19)} UTC`)}
    </div>
  )
}
