import type { Endpoint, SignatureCheck } from '@producersync/server/contract'
import { useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { useRefresh } from '#src/api/refresh.ts'
import { useWriteKeys } from '#src/api/write-keys.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { ErrorNotice, Notice } from '#src/parts/notice.tsx'
import { Prose } from '#src/parts/prose.tsx'
import type { Account } from '#src/session/account.ts'
import { endpointText } from '#src/text-endpoints.ts'
import { Time } from '#src/time/time.tsx'
import { AttemptOutcome } from './test-outcome.tsx'

const words = endpointText.signature

type Verdict = SignatureCheck['verdict']
const TONES: Record<Verdict, 'ok' | 'warn' | 'bad'> = {
  verifies: 'ok',
  takes_old_requests: 'warn',
  refuses_by_crashing: 'warn',
  accepts_unsigned: 'bad',
  refuses_valid: 'bad',
  could_not_check: 'warn',
}

/** Sends a good, a wrongly signed and an old request, and says what the answers mean; the verdict stays while it is of this URL and secret. */
export function SignatureCheckCard({ endpoint, account }: { endpoint: Endpoint; account: Account }) {
  const [result, setResult] = useState<SignatureCheck | null>(null)
  const [isChecking, setChecking] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const refresh = useRefresh(account.id)
  const keys = useWriteKeys()

  async function check() {
    setChecking(true)
    setError(null)
    try {
      setResult(
        await fetchJson<SignatureCheck>(account.id, ofAccount(account.id, 'endpoint', endpoint.id, 'signature-check'), {
          method: 'POST',
          body: {},
          idempotencyKey: keys.keyFor('check'),
        }),
      )
      keys.done()
      await refresh()
    } catch (caught) {
      setError(caught)
    } finally {
      setChecking(false)
    }
  }

  return (
    <section className={layout.card} aria-labelledby="signature">
      <div className={layout.cardHead}>
        <h2 id="signature">{words.title}</h2>
        <Button
          isSmall
          whyOff={account.whyNot('CreateAttempts')}
          pending={isChecking && words.checking}
          onPress={() => void check()}
        >
          {words.check}
        </Button>
      </div>
      <div className={layout.stack}>
        <p className={layout.muted}>{words.body}</p>
        {error != null && <ErrorNotice error={error} />}
        {!result && endpoint.signatureCheck && (
          <Notice tone={TONES[endpoint.signatureCheck.verdict]} title={words.verdicts[endpoint.signatureCheck.verdict]}>
            <span className={layout.muted}>
              {words.latest} <Time at={endpoint.signatureCheck.checkedAt} />
            </span>
          </Notice>
        )}
        {result && (
          <div className={layout.stack} role="status">
            <Notice tone={TONES[result.verdict]} title={result.title}>
              <Prose>{result.advice}</Prose>
              <div className={layout.muted}>
                <Time at={result.checkedAt} />
              </div>
            </Notice>
            {result.requests.map(({ request, attempt }) => (
              <div key={request} className={layout.tight}>
                <h3>{words.requests[request]}</h3>
                {attempt ? <AttemptOutcome attempt={attempt} /> : <p className={layout.muted}>{words.noAnswer}</p>}
              </div>
            ))}
          </div>
        )}
      </div>
    </section>
  )
}
