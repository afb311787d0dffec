import type { NotificationRules, NotificationTest } from '@producersync/server/contract'
import { Bell, BellOff } from 'lucide-react'
import { useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { cx } from '#src/parts/class-names.ts'
import { CopyText } from '#src/parts/copy.tsx'
import { ErrorNotice, Notice } from '#src/parts/notice.tsx'
import { Pill } from '#src/parts/pill.tsx'
import { issueText } from '#src/text-issues.ts'
import { Time } from '#src/time/time.tsx'
import styles from './channel-card.module.css'
import { PreviewDialog, Reading } from './preview-dialog.tsx'

const words = issueText.notices

/** One place that is told: what of, when it was last, and a test of it. */
export function ChannelCard({
  of: channel,
  account,
  whyNot,
  edit,
  remove,
}: {
  of: NotificationRules['channels'][number]
  account: string
  whyNot: string | null
  edit: () => void
  remove: () => void
}) {
  const { id, kind, name, to, rules, resolved, enabled, secret, lastSentAt, lastFailure } = channel
  const [isPreviewing, setPreviewing] = useState(false)
  const [isTesting, setTesting] = useState(false)
  const [tested, setTested] = useState<NotificationTest | null>(null)
  const [error, setError] = useState<unknown>(null)
  async function test() {
    setTesting(true)
    setError(null)
    try {
      const path = ofAccount(account, 'notification-rules', 'test')
      setTested(await fetchJson<NotificationTest>(account, path, { method: 'POST', body: { channelId: id } }))
    } catch (caught) {
      setError(caught)
    } finally {
      setTesting(false)
    }
  }
  return (
    <section className={layout.card} aria-label={name}>
      <div className={layout.cardHead}>
        <span className={cx(layout.row, styles.named)}>
          <strong>{name}</strong>
          <Pill tone={enabled ? 'ok' : 'idle'} icon={enabled ? Bell : BellOff}>
            {enabled ? words.enabled : words.paused}
          </Pill>
          <span className={layout.muted}>
            {words.kinds[kind]} <code>{to}</code>
          </span>
        </span>
        <span className={layout.row}>
          <Button
            isSmall
            name={words.previewOf(name)}
            onPress={() => setPreviewing(true)}
            whyOff={rules.length === 0 ? words.noRules : null}
          >
            {words.preview}
          </Button>
          <Button
            isSmall
            name={words.testOf(name)}
            onPress={() => void test()}
            whyOff={whyNot}
            pending={isTesting ? words.testing : false}
          >
            {words.test}
          </Button>
          <Button isSmall name={words.editOf(name)} onPress={edit} whyOff={whyNot}>
            {words.edit}
          </Button>
          <Button isSmall kind="quiet" name={words.removeOf(name)} onPress={remove} whyOff={whyNot}>
            {words.remove}
          </Button>
        </span>
      </div>
      {secret !== undefined && (
        <Notice tone="warn" title={words.secret}>
          <CopyText value={secret} name={words.secretName} />
        </Notice>
      )}
      <ul className={layout.small}>
        {rules.map((rule) => (
          <li key={rule}>{words.rules[rule] ?? rule}</li>
        ))}
        {resolved && <li>{words.resolved}</li>}
      </ul>
      <p className={layout.muted}>
        {words.lastSent} {lastSentAt === null ? words.never : <Time at={lastSentAt} />}
      </p>
      {lastFailure !== null && (
        <Notice tone="bad" title={words.lastFailure}>
          {lastFailure}
        </Notice>
      )}
      <div role="status">
        {tested && (
          <Notice tone={tested.sent ? 'ok' : 'bad'} title={tested.sent ? words.sent : words.notSent}>
            {tested.failure}
            <Reading of={tested.preview} />
          </Notice>
        )}
      </div>
      {error != null && <ErrorNotice error={error} />}
      {isPreviewing && <PreviewDialog of={channel} account={account} onClose={() => setPreviewing(false)} />}
    </section>
  )
}
