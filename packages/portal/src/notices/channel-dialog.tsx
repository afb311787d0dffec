import type { NotificationRules, NotificationRulesIn } from '@producersync/server/contract'
import { type SubmitEvent, useState } from 'react'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { Dialog, DialogActs } from '#src/parts/dialog.tsx'
import { Checkbox, FieldSet, Radios, TextField } from '#src/parts/field.tsx'
import { ErrorNotice } from '#src/parts/notice.tsx'
import { text } from '#src/text.ts'
import { issueText } from '#src/text-issues.ts'

const words = issueText.notices
type Channel = NotificationRules['channels'][number]
export type ChannelIn = NotificationRulesIn['channels'][number]
type Rule = ChannelIn['rules'][number]

const RULES = Object.keys(words.rules) as Rule[]
const KINDS = ['mail', 'chat', 'webhook'] as const
/** What most people want to know at once. */
const USUAL: readonly Rule[] = ['first_failure', 'exhausted', 'disabled', 'daily_signal_late', 'certificate_ending']

/** Adds a channel, or changes one. */
export function ChannelDialog({
  of: channel,
  mailAvailable,
  onClose,
  put,
}: {
  of: Channel | null
  mailAvailable: boolean
  onClose: () => void
  put: (channel: ChannelIn) => Promise<void>
}) {
  const [kind, setKind] = useState<ChannelIn['kind']>(channel?.kind ?? (mailAvailable ? 'mail' : 'webhook'))
  const [name, setName] = useState(channel?.name ?? '')
  const [where, setWhere] = useState('')
  const [rules, setRules] = useState<readonly Rule[]>(channel?.rules ?? USUAL)
  const [resolved, setResolved] = useState(channel?.resolved ?? true)
  const [enabled, setEnabled] = useState(channel?.enabled ?? true)
  const [isSaving, setSaving] = useState(false)
  const [error, setError] = useState<unknown>(null)

  async function save(event: SubmitEvent) {
    event.preventDefault()
    setSaving(true)
    setError(null)
    try {
      const place = where.trim() === '' ? {} : kind === 'mail' ? { address: where.trim() } : { url: where.trim() }
      await put({ id: channel?.id, kind, name: name.trim(), rules: [...rules], resolved, enabled, ...place })
    } catch (caught) {
      setError(caught)
      setSaving(false)
    }
  }
  const whyOff = name.trim() === '' || (channel === null && where.trim() === '') ? words.incomplete : null
  return (
    <Dialog title={channel ? words.editOf(channel.name) : words.add} isOpen onClose={onClose} isWide>
      <form onSubmit={(event) => void save(event)} className={layout.stack}>
        {channel === null && (
          <Radios
            label={words.kind}
            hint={mailAvailable ? undefined : words.mailOff}
            value={kind}
            onChange={setKind}
            options={KINDS.filter((each) => each !== 'mail' || mailAvailable).map((value) => ({
              value,
              label: words.kinds[value],
            }))}
          />
        )}
        <TextField label={words.name} name="channels" value={name} onChange={setName} autoFocus />
        <TextField
          label={kind === 'mail' ? words.address : words.url}
          hint={channel ? words.keepUrl : undefined}
          value={where}
          onChange={setWhere}
          isMono
        />
        <FieldSet label={words.when}>
          {RULES.map((rule) => (
            <Checkbox
              key={rule}
              label={words.rules[rule]}
              isChecked={rules.includes(rule)}
              onChange={(isOn) => setRules(isOn ? [...rules, rule] : rules.filter((other) => other !== rule))}
            />
          ))}
          <Checkbox label={words.resolved} isChecked={resolved} onChange={setResolved} />
        </FieldSet>
        <Checkbox label={words.enabled} isChecked={enabled} onChange={setEnabled} />
        {error != null && <ErrorNotice error={error} />}
        <DialogActs>
          <Button onPress={onClose}>{text.common.cancel}</Button>
          <Button kind="primary" type="submit" whyOff={whyOff} pending={isSaving ? text.common.saving : false}>
            {text.common.save}
          </Button>
        </DialogActs>
      </form>
    </Dialog>
  )
}
