import type { Summary } from '@producersync/server/contract'
import { Link } from '@tanstack/react-router'
import { Check, Clock, type LucideIcon, Minus, Pause, TriangleAlert, X } from 'lucide-react'
import layout from '#src/look/layout.module.css'
import { cx } from '#src/parts/class-names.ts'
import { Pill, type Tone } from '#src/parts/pill.tsx'
import { text } from '#src/text.ts'
import { Time } from '#src/time/time.tsx'
import { dayWords, momentWords } from '#src/time/words.ts'
import styles from './home.module.css'

type Signal = Summary['signal']

const words = text.home.signal
const CENTRAL = 'America/Chicago'

type Mark = { icon: LucideIcon; className: string | undefined }
const MARKS: Readonly<Record<Signal['days'][number]['state'], Mark>> = {
  published: { icon: Check, className: styles.published },
  late: { icon: Clock, className: styles.late },
  failed: { icon: X, className: styles.failed },
  overdue: { icon: TriangleAlert, className: styles.failed },
  held: { icon: Pause, className: styles.late },
  no_report: { icon: Minus, className: styles.noReport },
  due: { icon: Clock, className: styles.due },
  none: { icon: Minus, className: styles.none },
}

/** The last daily run whose data can be read, whether today's is late, and the last fourteen days. */
export function SignalCard({ signal, account }: { signal: Signal; account: string }) {
  const { last, dueAt, days } = signal
  return (
    <div className={cx(styles.tile, styles.signal)}>
      <h2>
        <Link to="/a/$account/runs" params={{ account }}>
          {words.title}
        </Link>
      </h2>
      <div className={styles.signalHead}>
        <p className={styles.figure}>{last === null ? words.none : dayWords(last.runDate)}</p>
        <SignalPill signal={signal} />
      </div>
      <p className={styles.below}>
        {last === null ? (
          words.noneYet
        ) : (
          <>
            {words.published} <Time at={last.publishedAt} form="short" />
            {' · '}
            {last.msgId === null ? (
              words.noEvent
            ) : (
              <Link to="/a/$account/events/$event" params={{ account, event: last.msgId }} className={layout.nowrap}>
                {words.deliveredOf(last.delivered, last.of)}
              </Link>
            )}
          </>
        )}
      </p>
      <ol className={styles.strip}>
        {days.map(({ day, state }) => {
          const { icon: Drawing, className } = MARKS[state]
          const label = `${dayWords(day)}: ${words.states[state]}`
          return (
            <li key={day}>
              <Link
                to="/a/$account/runs/$runDate"
                params={{ account, runDate: day }}
                className={cx(styles.day, className)}
                aria-label={label}
                data-tip={label}
              >
                <Drawing size={12} strokeWidth={2.25} aria-hidden />
              </Link>
            </li>
          )
        })}
      </ol>
      {dueAt !== null && days.at(-1)?.state === 'due' && (
        <p className={styles.below}>{words.dueBy(momentWords(new Date(dueAt), CENTRAL, 'short'))}</p>
      )}
    </div>
  )
}

function SignalPill({ signal: { last, lateSince } }: { signal: Signal }) {
  const [tone, icon, word]: [Tone, LucideIcon, string] =
    lateSince !== null
      ? ['bad', TriangleAlert, words.lateSince(momentWords(new Date(lateSince), CENTRAL, 'hour'))]
      : last === null
        ? ['idle', Minus, words.states.none]
        : last.late
          ? ['warn', Clock, words.states.late]
          : ['ok', Check, words.onTime]
  return (
    <Pill tone={tone} icon={icon}>
      {word}
    </Pill>
  )
}
