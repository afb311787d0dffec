import type { AccountSettings } from '@producersync/server/contract'
import { type SubmitEvent, useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { useRead } from '#src/api/queries.ts'
import { useRefresh } from '#src/api/refresh.ts'
import { ApiError } from '#src/api/request.ts'
import formStyles from '#src/endpoint-form/endpoint-form.module.css'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { TextField } from '#src/parts/field.tsx'
import { ErrorNotice, Part } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { say } from '#src/parts/toast.tsx'
import { type Account, useAccount } from '#src/session/account.ts'
import { text } from '#src/text.ts'
import { accountText } from '#src/text-account.ts'
import { SettingsTabs } from './settings-tabs.tsx'

const words = accountText.branding

/** What the account itself looks like, and the zone of those who chose none. */
export function BrandingScreen() {
  const account = useAccount()
  const path = ofAccount(account.id, 'settings')
  const view = useRead<AccountSettings>(account.id, path)
  return (
    <Page title={accountText.settings.title}>
      <SettingsTabs account={account.id} chosen="branding" />
      <Part of={view}>
        {(settings) => <BrandingForm key={settings.updatedAt} settings={settings} account={account} path={path} />}
      </Part>
    </Page>
  )
}

function BrandingForm({ settings, account, path }: { settings: AccountSettings; account: Account; path: string }) {
  const [name, setName] = useState(settings.branding.name ?? '')
  const [timeZone, setTimeZone] = useState(settings.timeZone ?? '')
  const [isSaving, setSaving] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const refresh = useRefresh(account.id)
  const faultOf = (field: string) => (error instanceof ApiError ? error.faultOf(field) : undefined)

  async function save(event: SubmitEvent) {
    event.preventDefault()
    if (!account.can('ManageAccount') || isSaving) return
    setSaving(true)
    setError(null)
    try {
      const body = { name: name.trim() || null, timeZone: timeZone.trim() || null }
      await fetchJson(account.id, path, { method: 'PATCH', body })
      say(text.common.saved)
      await refresh()
    } catch (caught) {
      setError(caught)
    } finally {
      setSaving(false)
    }
  }

  return (
    <form className={formStyles.form} onSubmit={(event) => void save(event)}>
      {error != null && <ErrorNotice error={error} takesFocus />}
      <TextField label={words.name} hint={words.nameHint} error={faultOf('name')} value={name} onChange={setName} />
      <TextField
        label={words.zone}
        hint={words.zoneHint}
        error={faultOf('timeZone')}
        value={timeZone}
        onChange={setTimeZone}
        placeholder="America/Chicago"
        isMono
      />
      <div className={layout.row}>
        <Button
          kind="primary"
          type="submit"
          whyOff={account.whyNot('ManageAccount')}
          pending={isSaving && text.common.saving}
        >
          {text.common.save}
        </Button>
      </div>
    </form>
  )
}
