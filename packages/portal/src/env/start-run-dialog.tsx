import { type SubmitEvent, useState } from 'react'
import { fetchJson } from '#src/api/client.ts'
import { useRefresh } from '#src/api/refresh.ts'
import { ApiError } from '#src/api/request.ts'
import { Button } from '#src/parts/button.tsx'
import { Dialog, DialogActs } from '#src/parts/dialog.tsx'
import { Checkbox, TextField } from '#src/parts/field.tsx'
import { ErrorNotice } from '#src/parts/notice.tsx'
import { say } from '#src/parts/toast.tsx'
import { STAFF } from '#src/session/session.ts'
import { text } from '#src/text.ts'
import { envText } from '#src/text-env.ts'
import { RUNS_PATH } from './run-calls.ts'

const words = envText.runs
const PRODUCTION = 'production'

/** Asks for a run of a feed, or for a day that was run already. */
export function StartRunDialog({
  feedId,
  runDate,
  onClose,
}: {
  feedId?: string
  runDate?: string
  onClose: () => void
}) {
  const [feed, setFeed] = useState(feedId ?? PRODUCTION)
  const [day, setDay] = useState(runDate ?? '')
  const [isFull, setFull] = useState(false)
  const [isStarting, setStarting] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const refresh = useRefresh(STAFF)
  const faultOf = (field: string) => (error instanceof ApiError ? error.faultOf(field) : undefined)

  async function start(event: SubmitEvent) {
    event.preventDefault()
    if (isStarting) return
    setStarting(true)
    setError(null)
    try {
      const body = { feedId: feed.trim(), fullRefresh: isFull, ...(day === '' ? {} : { runDate: day }) }
      await fetchJson(STAFF, RUNS_PATH, { method: 'POST', body })
      say(words.startedRun)
      onClose()
      await refresh()
    } catch (caught) {
      setError(caught)
      setStarting(false)
    }
  }

  return (
    <Dialog title={runDate === undefined ? words.start : words.again} isOpen onClose={onClose}>
      {runDate !== undefined && <p>{words.againEffect(runDate)}</p>}
      {error != null && <ErrorNotice error={error} />}
      <form onSubmit={(event) => void start(event)}>
        <TextField
          label={words.feed}
          name="feedId"
          error={faultOf('feedId')}
          hint={words.feedHint}
          value={feed}
          onChange={setFeed}
          isMono
        />
        <TextField
          label={words.day}
          name="runDate"
          error={faultOf('runDate')}
          hint={words.dayHint}
          type="date"
          value={day}
          onChange={setDay}
        />
        <Checkbox label={words.fullRefresh} hint={words.fullRefreshHint} isChecked={isFull} onChange={setFull} />
        <DialogActs>
          <Button onPress={onClose}>{text.common.cancel}</Button>
          <Button kind="primary" type="submit" pending={isStarting && text.common.working}>
            {words.startAct}
          </Button>
        </DialogActs>
      </form>
    </Dialog>
  )
}
