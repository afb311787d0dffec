import { type ReactNode, useState } from 'react'
import { Button } from './button.tsx'
import { DangerDialog } from './dialog.tsx'
import type { Column } from './listing.tsx'

/**
 * The last column of a list of what can be revoked, and the dialog that asks first.
 * @param revoke  does it; the dialog stays with the error when it cannot
 */
export function useRevoking<Row>({
  verb,
  titleOf,
  effect,
  mayRevoke,
  revoke,
}: {
  verb: string
  titleOf: (row: Row) => string
  effect: string
  mayRevoke: (row: Row) => boolean
  revoke: (row: Row) => Promise<void>
}): { column: Column<Row>; dialog: ReactNode } {
  const [asked, setAsked] = useState<Row | null>(null)
  return {
    column: {
      key: 'acts',
      head: '',
      isPlain: true,
      cell: (row) =>
        mayRevoke(row) && (
          <Button isSmall onPress={() => setAsked(row)}>
            {verb}
          </Button>
        ),
    },
    dialog: asked !== null && (
      <DangerDialog
        title={titleOf(asked)}
        effect={effect}
        verb={verb}
        isOpen
        onClose={() => setAsked(null)}
        act={async () => await revoke(asked)}
      />
    ),
  }
}
