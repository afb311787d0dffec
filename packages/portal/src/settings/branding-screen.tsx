import type { AccountSettings } from '@producersync/server/contract'
import { type SubmitEvent, useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { useRead } from '#src/api/queries.ts'
import { useRefresh } from '#src/api/refresh.ts'
import { ApiError } from '#src/api/request.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { cx } from '#src/parts/class-names.ts'
import { TextField } from '#src/parts/field.tsx'
import { ErrorNotice, Part } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { say } from '#src/parts/toast.tsx'
import { type Account, useAccount } from '#src/session/account.ts'
import { resumeSession } from '#src/session/session.ts'
import { text } from '#src/text.ts'
import { accountText } from '#src/text-account.ts'
import { LookForm } from './look-form.tsx'
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
        {(settings) => (
          <div key={settings.updatedAt} className={layout.stack}>
            <ZoneForm settings={settings} account={account} path={path} />
            <LookForm
              account={account.id}
              path={path}
              settings={settings}
              whyNot={account.whyNot('ManageAccount')}
              onChanged={resumeSession}
              heading={words.look}
              nameHint={words.nameHint}
            />
          </div>
        )}
      </Part>
    </Page>
  )
}

function ZoneForm({ settings, account, path }: { settings: AccountSettings; account: Account; path: string }) {
  const [timeZone, setTimeZone] = useState(settings.timeZone ?? '')
  const [isSaving, setSaving] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const refresh = useRefresh(account.id)

  async function save(event: SubmitEvent) {
    event.preventDefault()
    if (!account.can('ManageAccount') || isSaving) return
    setSaving(true)
    setError(null)
    try {
      await fetchJson(account.id, path, { method: 'PATCH', body: { timeZone: timeZone.trim() || null } })
      say(text.common.saved)
      await refresh()
      await resumeSession()
    } catch (caught) {
      setError(caught)
    } finally {
      setSaving(false)
    }
  }

  return (
    <section className={layout.card} aria-labelledby="general">
      <div className={layout.cardHead}>
        <h2 id="general">{words.general}</h2>
      </div>
      <form className={cx(layout.stack, layout.text)} onSubmit={(event) => void save(event)}>
        {error != null && <ErrorNotice error={error} />}
        <TextField
          label={words.zone}
          name="timeZone"
          hint={words.zoneHint}
          error={error instanceof ApiError ? error.faultOf('timeZone') : undefined}
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
    </section>
  )
}
