import { useEffect, useRef, useState } from 'react'
import { ApiError } from '#src/api/request.ts'
import { isEmbedded } from '#src/embed/host.ts'
import { Button } from '#src/parts/button.tsx'
import { Dialog, DialogActs } from '#src/parts/dialog.tsx'
import { FieldError } from '#src/parts/field.tsx'
import { text } from '#src/text.ts'
import { useNow } from '#src/time/now.ts'
import { durationWords } from '#src/time/words.ts'
import { useSessionState } from './account.ts'
import { resumeSession, sessionEnded, stay } from './session.ts'

const WARN_MS = 2 * 60_000
const EXTEND_EVERY_MS = 60_000

/** Keeps a session alive while somebody is there, asks when nobody seems to be, and says when it is over. */
export function SessionGuard() {
  const state = useSessionState()
  if (state.kind === 'open') return <IdleGuard idleEndsAt={state.session.idleEndsAt} />
  return state.kind === 'ended' ? <EndedDialog /> : null
}

function IdleGuard({ idleEndsAt }: { idleEndsAt: string }) {
  const now = useNow()
  const extendedAt = useRef(Date.now())
  const leftMs = Date.parse(idleEndsAt) - now.getTime()

  useEffect(() => {
    const onSign = () => {
      if (Date.now() - extendedAt.current < EXTEND_EVERY_MS) return
      extendedAt.current = Date.now()
      // a refusal has been dealt with where it was met; without an answer the next sign tries again
      stay().catch(() => undefined)
    }
    const listening = new AbortController()
    for (const type of ['keydown', 'pointerdown']) {
      document.addEventListener(type, onSign, { signal: listening.signal, capture: true })
    }
    return () => listening.abort()
  }, [])
  useEffect(() => {
    if (leftMs <= 0) sessionEnded()
  }, [leftMs])

  return (
    <Dialog
      title={text.session.idleTitle}
      isOpen={leftMs > 0 && leftMs < WARN_MS}
      onClose={() => void stay().catch(() => undefined)}
      isAlert
    >
      <p>{text.session.idleBody(durationWords(Math.max(0, leftMs)))}</p>
      <DialogActs>
        <Button kind="primary" autoFocus onPress={() => void stay().catch(() => undefined)}>
          {text.session.stay}
        </Button>
      </DialogActs>
    </Dialog>
  )
}

function EndedDialog() {
  const [problem, setProblem] = useState<string | null>(null)
  async function resume() {
    try {
      await resumeSession()
    } catch (error) {
      setProblem(
        error instanceof ApiError && error.status === 401 ? text.session.notYet : text.errors.byStatus(0, null).title,
      )
    }
  }
  return (
    <Dialog title={text.session.endedTitle} isOpen onClose={() => undefined} canDismiss={false} isAlert>
      <p>{isEmbedded ? text.session.endedEmbedded : text.session.endedBody}</p>
      {problem !== null && <FieldError>{problem}</FieldError>}
      {!isEmbedded && (
        <DialogActs>
          <Button kind="primary" autoFocus onPress={() => void resume()}>
            {text.session.resume}
          </Button>
        </DialogActs>
      )}
    </Dialog>
  )
}
