import { cx } from '#src/parts/class-names.ts'
import { text } from '#src/text.ts'
import { useNow } from './now.ts'
import styles from './time.module.css'
import { ageWords, type MomentForm, momentWords } from './words.ts'
import { useZone } from './zone.ts'

type Moment = { at: string | Date }

/**
 * A moment in the zone of this person, with its name. Hover and focus show it in UTC, with its age; copying copies that.
 * @param isInRow  rows of lists are walked by their link, not by every time in them
 */
export function Time({ at, form, isInRow }: Moment & { form?: MomentForm; isInRow?: boolean }) {
  const zone = useZone()
  const date = new Date(at)
  const utc = date.toISOString()
  return (
    <time className={styles.time} dateTime={utc} data-moment={utc} tabIndex={isInRow ? undefined : 0}>
      {momentWords(date, zone, form)}
    </time>
  )
}

/** How long ago, or how long until; it ticks without moving what is beside it. */
export function Age({ at, isInRow }: Moment & { isInRow?: boolean }) {
  const now = useNow()
  const date = new Date(at)
  const utc = date.toISOString()
  return (
    <time className={cx(styles.time, styles.age)} dateTime={utc} data-moment={utc} tabIndex={isInRow ? undefined : 0}>
      {ageWords(date, now)}
    </time>
  )
}

/** How long until something is to be; what is late is due now. */
export function Due({ at, isInRow }: Moment & { isInRow?: boolean }) {
  const isDue = new Date(at) <= useNow()
  return isDue ? text.common.now : <Age at={at} isInRow={isInRow} />
}

/** How long ago something was last, or that it never was. */
export function LastAge({ at, isInRow }: { at: string | null; isInRow?: boolean }) {
  return at === null ? text.common.never : <Age at={at} isInRow={isInRow} />
}
