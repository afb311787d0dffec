import type { Timeline } from '@producersync/server/contract'
import { scaleTime } from 'd3-scale'
import { endpointName } from '#src/endpoints/url.ts'
import layout from '#src/look/layout.module.css'
import { cx } from '#src/parts/class-names.ts'
import { deliveryText } from '#src/text-deliveries.ts'
import { Time } from '#src/time/time.tsx'
import styles from './event.module.css'

const words = deliveryText.event
/** Marks at the very ends would be cut. */
const EDGE_PERCENT = 2

/** All attempts at all endpoints on one axis, and what is planned: which endpoint was slow, which was late. */
export function TimeAxis({ of: timeline }: { of: Timeline }) {
  const lines = timeline.endpoints.filter(({ attempts, nextAttempt }) => attempts.length > 0 || nextAttempt !== null)
  const moments = lines.flatMap(({ attempts, nextAttempt }) => [
    ...attempts.map(({ startedAt }) => Date.parse(startedAt)),
    ...(nextAttempt === null ? [] : [Date.parse(nextAttempt)]),
  ])
  if (moments.length < 2) return null
  const first = new Date(Math.min(...moments))
  const last = new Date(Math.max(...moments))
  const at = scaleTime([first, last], [EDGE_PERCENT, 100 - EDGE_PERCENT])
  const all = lines.flatMap(({ attempts }) => attempts)
  return (
    <figure className={cx(layout.card, styles.axis)}>
      <figcaption>
        <strong>{words.axis}</strong>{' '}
        <span className={layout.muted}>
          {words.axisWords(all.length, all.filter(({ failure }) => failure !== null).length)}
        </span>
      </figcaption>
      {lines.map(({ endpoint, attempts, nextAttempt }) => (
        <div key={endpoint.id} className={styles.axisLine}>
          <span className={styles.axisName}>{endpointName(endpoint)}</span>
          <span className={styles.axisTrack} aria-hidden>
            {attempts.map((attempt) => (
              <span
                key={attempt.id}
                className={cx(styles.mark, attempt.failure ? styles.markFailed : styles.markOk)}
                style={{ left: `${at(new Date(attempt.startedAt))}%` }}
              />
            ))}
            {nextAttempt !== null && (
              <span className={cx(styles.mark, styles.markNext)} style={{ left: `${at(new Date(nextAttempt))}%` }} />
            )}
          </span>
        </div>
      ))}
      <div className={styles.axisEnds}>
        <Time at={first} /> <Time at={last} />
      </div>
    </figure>
  )
}
