import { CircleAlert, CircleCheck, Info, type LucideIcon, TriangleAlert } from 'lucide-react'
import { type ReactNode, type RefObject, useEffect, useRef, useState } from 'react'
import { explain, fieldOf } from '#src/api/explain.ts'
import type { View } from '#src/api/queries.ts'
import type { Fault } from '#src/api/request.ts'
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

/**
 * What failed, what to do, the fields that are concerned, and the request's id for whoever is asked about it.
 * @param retry  of what was read; without it, it is the answer to what somebody did, and takes the focus
 */
export function ErrorNotice({ error, retry }: { error: unknown; retry?: () => void }) {
  const { title, advice, faults, requestId } = explain(error)
  const box = useRef<HTMLDivElement>(null)
  const isOfAct = retry === undefined
  useEffect(() => {
    if (isOfAct && error) box.current?.focus()
  }, [isOfAct, error])
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
        {faults.length > 0 && (
          <ul>
            {faults.map((fault) => (
              <FaultLine key={`${fault.loc.join('.')} ${fault.msg}`} of={fault} within={box} />
            ))}
          </ul>
        )}
        {requestId !== null && (
          <div className={styles.small}>
            {text.errors.request} <CopyText value={requestId} name={text.errors.requestName} />
          </div>
        )}
      </Notice>
    </div>
  )
}

/** One fault, and the way to its field where the form beside it has that. */
function FaultLine({ of: fault, within }: { of: Fault; within: RefObject<HTMLElement | null> }) {
  const name = fieldOf(fault)
  const [field, setField] = useState<HTMLInputElement | null>(null)
  useEffect(() => {
    const form = within.current?.closest('form, [role$="dialog"], main')
    setField(form?.querySelector<HTMLInputElement>(`[name="${CSS.escape(name)}"]`) ?? null)
  }, [within, name])
  if (!field) return <li>{text.errors.fault(fault.loc.slice(1).join('.'), fault.msg)}</li>
  function lead() {
    field?.closest('details')?.setAttribute('open', '')
    field?.focus()
  }
  return (
    <li>
      <Button isSmall kind="quiet" onPress={lead}>
        {text.errors.fault(field.labels?.[0]?.textContent ?? name, fault.msg)}
      </Button>
    </li>
  )
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
