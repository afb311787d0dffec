import type { AttemptDetail, Timeline } from '@producersync/server/contract'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { RawSearch } from '#src/address/search.ts'
import layout from '#src/look/layout.module.css'
import { CommandsButton } from '#src/parity/commands-button.tsx'
import { Button } from '#src/parts/button.tsx'
import { cx } from '#src/parts/class-names.ts'
import { Dialog, DialogActs } from '#src/parts/dialog.tsx'
import { Checkbox, Select } from '#src/parts/field.tsx'
import { Part } from '#src/parts/notice.tsx'
import { useAccount } from '#src/session/account.ts'
import { text } from '#src/text.ts'
import { deliveryText } from '#src/text-deliveries.ts'
import { Time } from '#src/time/time.tsx'
import { momentWords } from '#src/time/words.ts'
import { useZone } from '#src/time/zone.ts'
import styles from './attempt.module.css'
import { compareAttempts } from './compare.ts'
import { useAttempt } from './use-attempt.ts'

const words = deliveryText.compare
/** Shorter ones do not scroll. */
const LONG = 100

/** Two attempts of an event beside each other: what was different that time. */
export function CompareDialog({
  msgId,
  attemptId,
  otherId,
  timeline,
}: {
  msgId: string
  attemptId: string
  otherId: string
  timeline: Timeline | null
}) {
  const account = useAccount()
  const navigate = useNavigate()
  const zone = useZone()
  const one = useAttempt(account.id, msgId, attemptId)
  const other = useAttempt(account.id, msgId, otherId)
  const go = (to: { attempt?: string; with?: string }) =>
    void navigate({
      to: '.',
      search: (before: RawSearch) => ({ ...before, attempt: attemptId, with: undefined, ...to }),
      resetScroll: false,
    })
  const options = (timeline?.endpoints ?? [])
    .flatMap(({ attempts }) => attempts)
    .filter(({ id }) => id !== attemptId)
    .map(({ id, attemptNumber, startedAt }) => ({
      value: id,
      label: `${deliveryText.event.attemptName(attemptNumber)}, ${momentWords(new Date(startedAt), zone)}`,
    }))
  return (
    <Dialog title={words.title} isOpen onClose={() => go({})} isWide>
      {options.length > 0 && (
        <Select label={words.with} value={otherId} options={options} onChange={(id) => go({ with: id })} />
      )}
      <Part of={one}>{(left) => <Part of={other}>{(right) => <Differences one={left} other={right} />}</Part>}</Part>
      <DialogActs>
        <CommandsButton />
        <Button onPress={() => go({})} autoFocus>
          {text.common.close}
        </Button>
      </DialogActs>
    </Dialog>
  )
}

function Differences({ one, other }: { one: AttemptDetail; other: AttemptDetail }) {
  const [isOnlyDifferent, setOnlyDifferent] = useState(false)
  const facts = compareAttempts(one, other).filter(({ differs }) => differs || !isOnlyDifferent)
  return (
    <div className={layout.stack}>
      <Checkbox label={words.onlyDifferent} isChecked={isOnlyDifferent} onChange={setOnlyDifferent} />
      <table className={styles.compare} aria-label={words.title}>
        <thead>
          <tr>
            <th scope="col">{words.fact}</th>
            {[one, other].map(({ id, attemptNumber, timestamp }) => (
              <th key={id} scope="col">
                {deliveryText.event.attemptName(attemptNumber)}
                <br />
                <Time at={timestamp} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {facts.map(({ name, one: left, other: right, differs }) => (
            <tr key={name} className={cx(differs && styles.differs)}>
              <th scope="row">
                {name}
                {differs && <span className={layout.hidden}> {words.differs}</span>}
              </th>
              <Value of={left} />
              <Value of={right} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Value({ of: text }: { of: string }) {
  return (
    <td>
      <pre tabIndex={text.length > LONG ? 0 : undefined}>{text}</pre>
    </td>
  )
}
