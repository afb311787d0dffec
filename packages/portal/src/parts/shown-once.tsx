import type { ReactNode } from 'react'
import layout from '#src/look/layout.module.css'
import { accountText } from '#src/text-account.ts'
import { Button } from './button.tsx'
import { CopyText } from './copy.tsx'
import { Notice } from './notice.tsx'

/** A secret or link that is never shown again, until it has been kept. */
export function ShownOnce({
  title,
  value,
  name,
  note,
  onDone,
}: {
  title: string
  value: string
  name: string
  note?: ReactNode
  onDone: () => void
}) {
  return (
    <Notice
      tone="ok"
      title={title}
      acts={
        <Button isSmall onPress={onDone}>
          {accountText.shownOnce.done}
        </Button>
      }
    >
      <div className={layout.tight}>
        <CopyText value={value} name={name} />
        <span className={layout.muted}>
          {accountText.shownOnce.note} {note}
        </span>
      </div>
    </Notice>
  )
}
