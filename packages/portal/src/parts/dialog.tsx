import { type ReactNode, useState } from 'react'
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components'
import { text } from '#src/text.ts'
import { Button } from './button.tsx'
import { cx } from './class-names.ts'
import styles from './dialog.module.css'
import { TextField } from './field.tsx'
import { ErrorNotice } from './notice.tsx'

/** Opens over the page; Esc closes it, and the focus goes back to what opened it. */
export function Dialog({
  title,
  isOpen,
  onClose,
  isWide,
  isAlert,
  canDismiss = true,
  children,
}: {
  title: string
  isOpen: boolean
  onClose: () => void
  isWide?: boolean
  isAlert?: boolean
  canDismiss?: boolean
  children: ReactNode
}) {
  return (
    <ModalOverlay
      className={styles.veil ?? ''}
      isOpen={isOpen}
      isDismissable={canDismiss && !isAlert}
      isKeyboardDismissDisabled={!canDismiss}
      onOpenChange={(open) => !open && onClose()}
    >
      <Modal className={cx(styles.sheet, isWide && styles.wide)}>
        <AriaDialog className={styles.dialog ?? ''} role={isAlert ? 'alertdialog' : 'dialog'}>
          <Heading slot="title" level={2}>
            {title}
          </Heading>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  )
}

export function DialogActs({ children }: { children: ReactNode }) {
  return <div className={styles.acts}>{children}</div>
}

/** Says what failed that was done from a menu: there is no place beside it. @param error  null: nothing has */
export function FailedDialog({ title, error, onClose }: { title: string; error: unknown; onClose: () => void }) {
  return (
    <Dialog title={title} isOpen={error !== null} onClose={onClose} isAlert>
      <ErrorNotice error={error} />
      <DialogActs>
        <Button onPress={onClose}>{text.common.close}</Button>
      </DialogActs>
    </Dialog>
  )
}

/**
 * Asks before something is done that hurts. It names object and effect, and the focus is on Cancel.
 * @param confirm  the text that has to be typed first; without it, none
 * @param act      what is done; the dialog closes when it has been, and stays with the error when not
 */
export function DangerDialog({
  title,
  effect,
  verb,
  confirm,
  isOpen,
  onClose,
  act,
  alternative,
}: {
  title: string
  effect: ReactNode
  verb: string
  confirm?: string
  isOpen: boolean
  onClose: () => void
  act: () => Promise<void>
  alternative?: ReactNode
}) {
  const [typed, setTyped] = useState('')
  const [isActing, setActing] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const isMissing = confirm !== undefined && typed.trim() !== confirm

  function close() {
    setTyped('')
    setError(null)
    onClose()
  }

  async function perform() {
    setActing(true)
    setError(null)
    try {
      await act()
      close()
    } catch (caught) {
      setError(caught)
    } finally {
      setActing(false)
    }
  }

  return (
    <Dialog title={title} isOpen={isOpen} onClose={close} isAlert>
      <div>{effect}</div>
      {confirm !== undefined && (
        <TextField label={text.danger.typeName(confirm)} value={typed} onChange={setTyped} isMono />
      )}
      {error != null && <ErrorNotice error={error} />}
      <DialogActs>
        {alternative}
        <Button onPress={close} autoFocus>
          {text.common.cancel}
        </Button>
        <Button
          kind="danger"
          onPress={() => void perform()}
          pending={isActing ? text.common.working : false}
          whyOff={isMissing ? text.danger.typeFirst : null}
        >
          {verb}
        </Button>
      </DialogActs>
    </Dialog>
  )
}
