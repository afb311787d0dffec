import type { Endpoint } from '@producersync/server/contract'
import { Link, useSearch } from '@tanstack/react-router'
import { type SubmitEvent, useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { useRefresh } from '#src/api/refresh.ts'
import { useWriteKeys } from '#src/api/write-keys.ts'
import { urlFaultWhileTyped } from '#src/endpoints/url.ts'
import layout from '#src/look/layout.module.css'
import { Button, ButtonLink } from '#src/parts/button.tsx'
import { ErrorNotice } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { useAccount } from '#src/session/account.ts'
import { ForbiddenScreen } from '#src/shell/other-screens.tsx'
import { text } from '#src/text.ts'
import { endpointText } from '#src/text-endpoints.ts'
import { CreatedEndpoint } from './created-endpoint.tsx'
import { bodyOf, type Draft, EMPTY_DRAFT, faultsOf, toHeaders } from './draft.ts'
import { EndpointFields } from './endpoint-fields.tsx'
import styles from './endpoint-form.module.css'
import { SameUrl } from './same-url.tsx'
import { useUnsavedGuard } from './use-unsaved.ts'

const words = endpointText.endpointForm

/** A new endpoint, and what its first test was answered with. Source: portal S3. */
export function NewEndpointScreen() {
  const account = useAccount()
  const { type } = useSearch({ strict: false })
  const [start] = useState((): Draft => (type ? { ...EMPTY_DRAFT, scope: 'chosen', types: [type] } : EMPTY_DRAFT))
  const [draft, setDraft] = useState(start)
  const [isTried, setTried] = useState(false)
  const [isSaving, setSaving] = useState(false)
  const [refusal, setRefusal] = useState<unknown>(null)
  const [created, setCreated] = useState<Endpoint | null>(null)
  const keys = useWriteKeys()
  const refresh = useRefresh(account.id)
  useUnsavedGuard(created === null && draft !== start)

  const faults = faultsOf(draft, { isSandbox: account.environment === 'sandbox' })

  async function save(event: SubmitEvent) {
    event.preventDefault()
    setTried(true)
    if (Object.keys(faults).length > 0 || isSaving) return
    setSaving(true)
    setRefusal(null)
    try {
      const headers = toHeaders(draft.headers) ?? {}
      const body = { ...bodyOf(draft), ...(Object.keys(headers).length > 0 && { headers }) }
      setCreated(
        await fetchJson<Endpoint>(account.id, ofAccount(account.id, 'endpoint'), {
          method: 'POST',
          body,
          idempotencyKey: keys.keyFor(body),
        }),
      )
      await refresh()
    } catch (error) {
      setRefusal(error)
    } finally {
      setSaving(false)
    }
  }

  if (!account.can('ManageEndpoint')) return <ForbiddenScreen needed="ManageEndpoint" />
  if (created) return <CreatedEndpoint endpoint={created} account={account} />
  return (
    <Page
      title={words.newTitle}
      crumbs={
        <Link to="/a/$account/endpoints" params={{ account: account.id }}>
          {endpointText.endpoints.title}
        </Link>
      }
      lead={words.newLead}
    >
      <form className={styles.form} onSubmit={(event) => void save(event)} noValidate>
        {refusal != null && <ErrorNotice error={refusal} />}
        <EndpointFields
          account={account}
          draft={draft}
          faults={isTried ? faults : { url: urlFaultWhileTyped(faults.url) }}
          refusal={refusal}
          isNew
          onChange={(change) => setDraft({ ...draft, ...change })}
        />
        <SameUrl account={account.id} url={draft.url} />
        <div className={layout.row}>
          <Button kind="primary" type="submit" pending={isSaving && words.saving}>
            {words.save}
          </Button>
          <ButtonLink to="/a/$account/endpoints" params={{ account: account.id }}>
            {text.common.cancel}
          </ButtonLink>
          {isTried && Object.keys(faults).length > 0 && <span role="alert">{words.notYet}</span>}
        </div>
        <p className={layout.muted}>{words.noUrl}</p>
      </form>
    </Page>
  )
}
