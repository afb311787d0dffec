import type { AttemptDetail } from '@producersync/server/contract'
import layout from '#src/look/layout.module.css'
import { cx } from '#src/parts/class-names.ts'
import { deliveryText } from '#src/text-deliveries.ts'
import { durationWords } from '#src/time/words.ts'
import styles from './attempt.module.css'

const words = deliveryText.attempt
const PHASES = ['queueMs', 'dnsMs', 'connectMs', 'tlsMs', 'firstByteMs', 'totalMs'] as const
/** The phase that was under way when the time was over. */
const RUNNING = { dns: 'dnsMs', connect: 'connectMs', tls: 'tlsMs', headers: 'firstByteMs' } as const

/** How long each part took, against the limit. The queue is before the attempt and has no share in its limit. */
export function Timings({ of: { timings, timedOutIn } }: { of: AttemptDetail }) {
  const { limitMs, totalMs } = timings
  const scaleMs = Math.max(limitMs ?? 0, totalMs, 1)
  const running = timedOutIn === null ? null : RUNNING[timedOutIn]
  return (
    <table className={styles.timings} aria-label={words.timings}>
      <tbody>
        {PHASES.map((phase) => {
          const ms = timings[phase]
          return (
            <tr key={phase} className={cx(phase === running && styles.running)}>
              <th scope="row">{words.phases[phase]}</th>
              <td>
                {phase !== 'queueMs' && (
                  <span className={styles.track}>
                    {ms !== null && (
                      <span className={styles.bar} style={{ width: `${Math.min(100, (ms / scaleMs) * 100)}%` }} />
                    )}
                  </span>
                )}
              </td>
              <td className={styles.ms}>{ms === null ? words.unknown : durationWords(ms)}</td>
            </tr>
          )
        })}
      </tbody>
      {limitMs !== null && <caption className={layout.muted}>{words.limit(durationWords(limitMs))}</caption>}
    </table>
  )
}
