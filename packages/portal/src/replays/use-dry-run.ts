import type { ReplayPreview, ReplayPreviewIn } from '@producersync/server/contract'
import { useEffect, useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'

export type DryRun =
  | { kind: 'running' }
  | { kind: 'failed'; error: unknown; again: () => void }
  | { kind: 'ready'; preview: ReplayPreview }

/** What a replay would send: counted, and counted anew whenever what is asked for changes. */
export function useDryRun(account: string, body: ReplayPreviewIn): DryRun {
  const [found, setFound] = useState<{ key: string; run: DryRun } | null>(null)
  const [tries, setTries] = useState(0)
  const asked = JSON.stringify(body)
  const key = `${tries} ${asked}`
  useEffect(() => {
    const stopped = new AbortController()
    fetchJson<ReplayPreview>(account, ofAccount(account, 'replay', 'preview'), {
      method: 'POST',
      body: JSON.parse(asked),
      signal: stopped.signal,
    }).then(
      (preview) => setFound({ key, run: { kind: 'ready', preview } }),
      (error: unknown) => {
        if (stopped.signal.aborted) return
        setFound({ key, run: { kind: 'failed', error, again: () => setTries((before) => before + 1) } })
      },
    )
    return () => stopped.abort()
  }, [account, asked, key])
  return found?.key === key ? found.run : { kind: 'running' }
}
