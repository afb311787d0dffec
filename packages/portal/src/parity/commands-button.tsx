import { Terminal } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { IconButton } from '#src/parts/button.tsx'
import { text } from '#src/text.ts'

const CommandsDialog = lazy(async () => ({ default: (await import('./commands-dialog.tsx')).CommandsDialog }))

/** Opens what is shown as calls and commands. */
export function CommandsButton() {
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <IconButton icon={Terminal} name={text.shell.parity} onPress={() => setOpen(true)} />
      {isOpen && (
        <Suspense>
          <CommandsDialog onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  )
}
