import { useMemo, useState } from 'react'
import { switchShortcuts, useShortcutsOn } from '#src/keys/shortcuts.ts'
import layout from '#src/look/layout.module.css'
import { setTheme, type Theme, useTheme } from '#src/look/theme.ts'
import { Button } from '#src/parts/button.tsx'
import { cx } from '#src/parts/class-names.ts'
import { DangerDialog } from '#src/parts/dialog.tsx'
import { Checkbox, Radios, Select } from '#src/parts/field.tsx'
import { ErrorNotice } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { useAccount, useSession } from '#src/session/account.ts'
import { signOut } from '#src/session/session.ts'
import { text } from '#src/text.ts'
import { accountText } from '#src/text-account.ts'
import { Time } from '#src/time/time.tsx'
import { browserZone, setZone, useZoneChoice } from '#src/time/zone.ts'
import { SettingsTabs } from './settings-tabs.tsx'

const words = accountText.settings
const THEMES: readonly Theme[] = ['system', 'light', 'dark']

/** How this person reads the portal, on this browser. Source: portal S16. */
export function ProfileScreen() {
  const account = useAccount()
  const choice = useZoneChoice()
  const theme = useTheme()
  const areKeysOn = useShortcutsOn()
  const zones = useMemo(() => Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC'), [])
  return (
    <Page title={words.title}>
      <SettingsTabs account={account.id} chosen="profile" />
      <section className={layout.card} aria-labelledby="reading">
        <div className={layout.cardHead}>
          <h2 id="reading">{words.reading}</h2>
          <span className={layout.muted}>{words.thisBrowser}</span>
        </div>
        <div className={cx(layout.stack, layout.text)}>
          <Select
            label={text.shell.zone}
            hint={<Example />}
            value={choice}
            onChange={setZone}
            options={[
              { value: 'browser', label: text.shell.zoneLocal(browserZone()) },
              { value: 'UTC', label: 'UTC' },
              ...zones.map((zone) => ({ value: zone, label: zone })),
            ]}
          />
          <Radios
            label={text.shell.theme}
            value={theme}
            onChange={setTheme}
            options={THEMES.map((value) => ({ value, label: text.shell.themes[value] }))}
          />
          <Checkbox
            label={words.shortcuts}
            hint={words.shortcutsHint}
            isChecked={areKeysOn}
            onChange={switchShortcuts}
          />
        </div>
      </section>
      <SessionCard />
    </Page>
  )
}

function Example() {
  const [now] = useState(() => new Date())
  return (
    <>
      {words.example} <Time at={now} form="exact" />
    </>
  )
}

function SessionCard() {
  const session = useSession()
  const [error, setError] = useState<unknown>(null)
  const [isAsking, setAsking] = useState(false)
  async function leave() {
    setError(null)
    try {
      await signOut({ everywhere: false })
    } catch (caught) {
      setError(caught)
    }
  }
  if (!session) return null
  return (
    <section className={layout.card} aria-labelledby="session">
      <div className={layout.cardHead}>
        <h2 id="session">{words.session}</h2>
      </div>
      <div className={layout.stack}>
        <dl className={layout.facts}>
          <dt>{words.person}</dt>
          <dd>{session.person ?? words.nobody}</dd>
          <dt>{words.since}</dt>
          <dd>
            <Time at={session.createdAt} form="short" />
          </dd>
          <dt>{words.endsAt}</dt>
          <dd>
            <Time at={session.endsAt} form="short" />
          </dd>
        </dl>
        {error != null && <ErrorNotice error={error} />}
        <div className={layout.row}>
          <Button onPress={() => void leave()}>{text.shell.signOut}</Button>
          <Button kind="danger" onPress={() => setAsking(true)}>
            {words.everywhere}
          </Button>
        </div>
        <DangerDialog
          title={words.everywhereTitle(session.person ?? words.nobody)}
          effect={words.everywhereEffect}
          verb={words.everywhere}
          isOpen={isAsking}
          onClose={() => setAsking(false)}
          act={async () => await signOut({ everywhere: true })}
        />
      </div>
    </section>
  )
}
