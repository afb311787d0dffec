import { momentWords } from '#src/time/words.ts'
import styles from './charts.module.css'
import { HEIGHT, MARGIN } from './frame.tsx'

/** Lines and figures of the vertical axis. */
export function ValueAxis({
  ticks,
  y,
  width,
  words,
}: {
  ticks: readonly number[]
  y: (value: number) => number
  width: number
  words: (value: number) => string
}) {
  return ticks.map((tick) => (
    <g key={tick}>
      <line className={styles.grid} x1={MARGIN.left} x2={width - MARGIN.right} y1={y(tick)} y2={y(tick)} />
      <text className={styles.axis} x={MARGIN.left - 6} y={y(tick) + 4} textAnchor="end">
        {words(tick)}
      </text>
    </g>
  ))
}

const LABEL_WIDTH = 110

/** Times below, as many as there is room for, in the chosen zone. */
export function TimeAxis({
  starts,
  x,
  width,
  zone,
}: {
  starts: readonly string[]
  x: (index: number) => number
  width: number
  zone: string
}) {
  const every = Math.max(1, Math.ceil(starts.length / Math.max(1, Math.floor(width / LABEL_WIDTH))))
  return starts.map((start, index) =>
    index % every === 0 && x(index) < width - LABEL_WIDTH / 2 ? (
      <text key={start} className={styles.axis} x={x(index)} y={HEIGHT - 4}>
        {momentWords(new Date(start), zone, 'short')}
      </text>
    ) : null,
  )
}
