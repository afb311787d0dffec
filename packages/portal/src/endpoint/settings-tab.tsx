import type { Endpoint } from '@producersync/server/contract'
import { type SubmitEvent, useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { useRefresh } from '#src/api/refresh.ts'
import { bodyOf, draftOf, faultsOf } from '#src/endpoint-form/draft.ts'
import { EndpointFields } from '#src/endpoint-form/endpoint-fields.tsx'
import styles from '#src/endpoint-form/endpoint-form.module.css'
import { SameUrl } from '#src/endpoint-form/same-url.tsx'
import { useUnsavedGuard } from '#src/endpoint-form/use-unsaved.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { cx } from '#src/parts/class-names.ts'
import { ErrorNotice } from '#src/parts/notice.tsx'
import { say } from '#src/parts/toast.tsx'
import type { Account } from '#src/session/account.ts'
import { PING, TestOutcome, useTest } from '#src/testing/test-outcome.tsx'
import { text } from '#src/text.ts'
import { endpointText } from '#src/text-endpoints.ts'
import { HeadersCard } from './headers-card.tsx'

const words = endpointText.endpointForm

/** Changes what the endpoint is sent, and how. What has moved is pinged, as a new one is. Source: portal S3 */
export function SettingsTab({ endpoint, account }: { endpoint: Endpoint; account: Account }) {
  const ping = useTest(account.id, endpoint.id)
  const isPinged = ping.isSending || ping.result !== null || ping.error != null
  return (
    <div className={cx(layout.stack, styles.whole)}>
      {isPinged && (
        <section className={layout.card} aria-labelledby="ping">
          <div className={layout.cardHead}>
            <h2 id="ping">{words.created.ping}</h2>
          </div>
          <TestOutcome test={ping} account={account.id} />
        </section>
      )}
      <SettingsForm
        key={endpoint.updatedAt}
        endpoint={endpoint}
        account={account}
        onMoved={() => account.can('CreateAttempts') && void ping.send({ eventType: PING })}
      />
      <HeadersCard endpoint={endpoint} account={account} />
    </div>
  )
}

function SettingsForm({ endpoint, account, onMoved }: { endpoint: Endpoint; account: Account; onMoved: () => void }) {
  const [saved] = useState(() => draftOf(endpoint))
  const [draft, setDraft] = useState(saved)
  const [isSaving, setSaving] = useState(false)
  const [isDone, setDone] = useState(false)
  const [refusal, setRefusal] = useState<unknown>(null)
  const refresh = useRefresh(account.id)
  const isChanged = draft !== saved
  useUnsavedGuard(isChanged && !isDone)
  const faults = faultsOf(draft, { isSandbox: account.environment === 'sandbox' })
  const whyOff = account.whyNot('ManageEndpoint')

  async function save(event: SubmitEvent) {
    event.preventDefault()
    if (Object.keys(faults).length > 0 || isSaving || whyOff !== null) return
    setSaving(true)
    setRefusal(null)
    try {
      const after = await fetchJson<Endpoint>(account.id, ofAccount(account.id, 'endpoint', endpoint.id), {
        method: 'PATCH',
        body: bodyOf(draft),
      })
      setDone(true)
      say(text.common.saved)
      if (after.url !== endpoint.url) onMoved()
      await refresh()
    } catch (error) {
      setRefusal(error)
    } finally {
      setSaving(false)
    }
  }

  return (
    <form className={styles.form} onSubmit={(event) => void save(event)} noValidate>
      {refusal != null && <ErrorNotice error={refusal} />}
      <EndpointFields
        account={account}
        draft={draft}
        faults={faults}
        refusal={refusal}
        isNew={false}
        onChange={(change) => setDraft({ ...draft, ...change })}
      />
      <SameUrl account={account.id} url={draft.url} except={endpoint.id} />
      <div className={layout.row}>
        <Button
          kind="primary"
          type="submit"
          pending={isSaving && words.saving}
          whyOff={whyOff ?? (isChanged ? null : words.nothingChanged)}
        >
          {words.saveChanges}
        </Button>
        {isChanged && (
          <Button kind="quiet" onPress={() => setDraft(saved)}>
            {words.discard}
          </Button>
        )}
      </div>
    </form>
  )
}
