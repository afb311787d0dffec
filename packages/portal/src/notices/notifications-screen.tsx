import type { NotificationRules, NotificationRulesIn } from '@producersync/server/contract'
import { useQueryClient } from '@tanstack/react-query'
import { Plus } from 'lucide-react'
import { useMemo, useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { useRead } from '#src/api/queries.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { cx } from '#src/parts/class-names.ts'
import { DangerDialog } from '#src/parts/dialog.tsx'
import { TextField } from '#src/parts/field.tsx'
import { Empty, ErrorNotice, Part } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { say } from '#src/parts/toast.tsx'
import { useAccount } from '#src/session/account.ts'
import { SettingsTabs } from '#src/settings/settings-tabs.tsx'
import { text } from '#src/text.ts'
import { accountText } from '#src/text-account.ts'
import { issueText } from '#src/text-issues.ts'
import { ChannelCard } from './channel-card.tsx'
import { ChannelDialog, type ChannelIn } from './channel-dialog.tsx'
import { toRulesIn } from './rules-in.ts'

const words = issueText.notices
type Channel = NotificationRules['channels'][number]

/** Who is told when something goes wrong. Saved as a whole, channel by channel. */
export function NotificationsScreen() {
  const account = useAccount()
  const path = ofAccount(account.id, 'notification-rules')
  const view = useRead<NotificationRules>(account.id, path)
  const client = useQueryClient()
  async function save(rules: NotificationRulesIn): Promise<NotificationRules> {
    const saved = await fetchJson<NotificationRules>(account.id, path, { method: 'PUT', body: rules })
    // the secret of a new webhook is in this answer alone, and is shown from it
    client.setQueryData([account.id, path], saved)
    say(text.common.saved)
    return saved
  }
  return (
    <Page title={accountText.settings.title}>
      <SettingsTabs account={account.id} chosen="notifications" />
      <p className={layout.muted}>{words.lead}</p>
      <Part of={view}>
        {(rules) => <Whole of={rules} save={save} account={account.id} whyNot={account.whyNot('ManageEndpoint')} />}
      </Part>
    </Page>
  )
}

function Whole({
  of: rules,
  save,
  account,
  whyNot,
}: {
  of: NotificationRules
  save: (rules: NotificationRulesIn) => Promise<NotificationRules>
  account: string
  whyNot: string | null
}) {
  const [edited, setEdited] = useState<Channel | 'new' | null>(null)
  const [removed, setRemoved] = useState<Channel | null>(null)
  const given = useMemo(() => toRulesIn(rules), [rules])

  async function put(channel: ChannelIn) {
    const others = given.channels.filter(({ id }) => channel.id === undefined || id !== channel.id)
    await save({ ...given, channels: [...others, channel] })
    setEdited(null)
  }
  return (
    <div className={layout.stack}>
      <div className={layout.spread}>
        <h2>{words.channels}</h2>
        <Button icon={Plus} onPress={() => setEdited('new')} whyOff={whyNot}>
          {words.add}
        </Button>
      </div>
      {rules.channels.length === 0 && (
        <div className={cx(layout.card, layout.flush)}>
          <Empty title={words.none}>{words.noneBody}</Empty>
        </div>
      )}
      {rules.channels.map((channel) => (
        <ChannelCard
          key={channel.id}
          of={channel}
          account={account}
          whyNot={whyNot}
          edit={() => setEdited(channel)}
          remove={() => setRemoved(channel)}
        />
      ))}
      <Rate of={rules} whyNot={whyNot} save={async (failureRate) => void (await save({ ...given, failureRate }))} />
      {edited !== null && (
        <ChannelDialog
          of={edited === 'new' ? null : edited}
          mailAvailable={rules.mailAvailable}
          onClose={() => setEdited(null)}
          put={put}
        />
      )}
      <DangerDialog
        title={words.removeTitle(removed?.name ?? '')}
        effect={words.removeEffect}
        verb={words.removeVerb}
        isOpen={removed !== null}
        onClose={() => setRemoved(null)}
        act={async () => {
          await save({ ...given, channels: given.channels.filter(({ id }) => id !== removed?.id) })
        }}
      />
    </div>
  )
}

function Rate({
  of: { failureRate },
  save,
  whyNot,
}: {
  of: NotificationRules
  save: (failureRate: { percent: number; windowMinutes: number }) => Promise<void>
  whyNot: string | null
}) {
  const [percent, setPercent] = useState(String(failureRate.percent))
  const [minutes, setMinutes] = useState(String(failureRate.windowMinutes))
  const [isSaving, setSaving] = useState(false)
  const [error, setError] = useState<unknown>(null)
  async function perform() {
    setSaving(true)
    setError(null)
    try {
      await save({ percent: Number(percent), windowMinutes: Number(minutes) })
    } catch (caught) {
      setError(caught)
    } finally {
      setSaving(false)
    }
  }
  return (
    <section className={layout.card}>
      <div className={layout.stack}>
        <h2>{words.rate}</h2>
        <div className={layout.fields}>
          <TextField
            label={words.percent}
            name="failureRate"
            value={percent}
            onChange={setPercent}
            inputMode="numeric"
          />
          <TextField label={words.window} value={minutes} onChange={setMinutes} inputMode="numeric" />
        </div>
        {error != null && <ErrorNotice error={error} />}
        <div>
          <Button onPress={() => void perform()} whyOff={whyNot} pending={isSaving ? text.common.saving : false}>
            {words.save}
          </Button>
        </div>
      </div>
    </section>
  )
}
