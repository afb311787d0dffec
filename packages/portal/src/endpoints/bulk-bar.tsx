import { useState } from 'react'
import { explain } from '#src/api/explain.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { DangerDialog } from '#src/parts/dialog.tsx'
import type { Account } from '#src/session/account.ts'
import { text } from '#src/text.ts'
import { endpointText } from '#src/text-endpoints.ts'
import styles from './endpoints.module.css'
import { useEndpointWrites } from './writes.ts'

const words = endpointText.endpoints.bulk

type Result = { id: string; name: string; problem: string | null }

/** Enables or disables several endpoints, one after the other, and says of each what came of it. */
export function BulkBar({
  account,
  targets,
  onClear,
}: {
  account: Account
  targets: readonly { id: string; name: string; waiting: number }[]
  onClear: () => void
}) {
  const [results, setResults] = useState<Result[] | null>(null)
  const [isAsking, setAsking] = useState(false)
  const [isActing, setActing] = useState<'enable' | 'disable' | null>(null)
  const { setDisabled } = useEndpointWrites(account.id)
  const whyOff = account.whyNot('ManageEndpoint')

  async function all(disabled: boolean) {
    setActing(disabled ? 'disable' : 'enable')
    const done: Result[] = []
    for (const target of targets) {
      try {
        await setDisabled(target.id, disabled)
        done.push({ ...target, problem: null })
      } catch (error) {
        done.push({ ...target, problem: explain(error).title })
      }
    }
    setResults(done)
    setActing(null)
  }

  return (
    <div className={styles.bulk}>
      <div className={layout.row}>
        <strong>{words.chosen(targets.length)}</strong>
        <Button
          isSmall
          whyOff={whyOff}
          pending={isActing === 'enable' && text.common.working}
          onPress={() => void all(false)}
        >
          {words.enable}
        </Button>
        <Button
          isSmall
          whyOff={whyOff}
          pending={isActing === 'disable' && text.common.working}
          onPress={() => setAsking(true)}
        >
          {words.disable}
        </Button>
        <Button isSmall kind="quiet" onPress={onClear}>
          {words.clear}
        </Button>
      </div>
      <DangerDialog
        title={words.disableTitle(targets.map(({ name }) => name))}
        effect={endpointText.endpoints.acts.disableEffect(targets.reduce((sum, { waiting }) => sum + waiting, 0))}
        verb={words.disable}
        isOpen={isAsking}
        onClose={() => setAsking(false)}
        act={async () => await all(true)}
      />
      {results && (
        <ul role="status">
          {results.map(({ id, name, problem }) => (
            <li key={id}>{`${name}: ${problem ?? words.done}`}</li>
          ))}
        </ul>
      )}
    </div>
  )
}
