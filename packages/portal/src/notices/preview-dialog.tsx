import type { NotificationPreview, NotificationRules } from '@producersync/server/contract'
import { ofAccount } from '#src/api/client.ts'
import { useRead } from '#src/api/queries.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { Dialog, DialogActs } from '#src/parts/dialog.tsx'
import { Part } from '#src/parts/notice.tsx'
import { text } from '#src/text.ts'
import { issueText } from '#src/text-issues.ts'

const words = issueText.notices

/** What a channel would be told, by its rules. Nothing is sent. */
export function PreviewDialog({
  of: { name, rules, resolved },
  account,
  onClose,
}: {
  of: NotificationRules['channels'][number]
  account: string
  onClose: () => void
}) {
  const view = useRead<NotificationPreview>(account, ofAccount(account, 'notification-rules', 'preview'))
  return (
    <Dialog title={words.previewOf(name)} isOpen onClose={onClose} isWide>
      <Part of={view}>
        {({ data }) => (
          <div className={layout.stack}>
            {data
              .filter(({ rule }) => rules.includes(rule))
              .map((sample) => (
                <section key={sample.rule} className={layout.tight} aria-label={words.rules[sample.rule]}>
                  <h3>{words.rules[sample.rule]}</h3>
                  <Reading of={sample} />
                  {resolved && sample.resolved && <Reading of={sample.resolved} />}
                </section>
              ))}
          </div>
        )}
      </Part>
      <DialogActs>
        <Button onPress={onClose} autoFocus>
          {text.common.close}
        </Button>
      </DialogActs>
    </Dialog>
  )
}

/** A notice as it is read. */
export function Reading({ of: { subject, text: body } }: { of: { subject: string; text: string } }) {
  return (
    <>
      <div>
        <strong>{subject}</strong>
      </div>
      <pre className={layout.mono}>{body}</pre>
    </>
  )
}
