import { scaleLinear, scalePoint } from 'd3-scale'
import { line } from 'd3-shape'
import { text } from '#src/text.ts'
import { durationWords } from '#src/time/words.ts'
import { TimeAxis, ValueAxis } from './axis.tsx'
import styles from './charts.module.css'
import { ChartFrame, HEIGHT, MARGIN } from './frame.tsx'
import { type Times, timesSentence } from './words.ts'

type Bucket = Times & { at: string }

const LINES = [
  { key: 'maxMs', label: text.charts.max, className: styles.max },
  { key: 'p95Ms', label: text.charts.p95, className: styles.p95 },
  { key: 'p50Ms', label: text.charts.p50, className: styles.p50 },
] as const

const words = (ms: number | null) => (ms === null ? text.common.none : durationWords(ms))

/** How long answers took, against the limit of an attempt. A bucket without an answer breaks the lines. */
export function TimeChart({
  caption,
  buckets,
  whole,
  limitMs,
  onOpen,
}: {
  caption: string
  buckets: readonly Bucket[]
  whole: Times
  limitMs: number
  onOpen?: (bucket: Bucket) => void
}) {
  const longest = Math.max(limitMs, ...buckets.map(({ maxMs }) => maxMs ?? 0))
  const y = scaleLinear([0, longest], [HEIGHT - MARGIN.bottom, MARGIN.top]).nice(3)
  const at = (index: number): Bucket => buckets[index] ?? { at: '', p50Ms: null, p95Ms: null, maxMs: null }
  return (
    <ChartFrame
      caption={caption}
      sentence={timesSentence(whole)}
      legend={[...LINES, { label: `${text.charts.limit} ${durationWords(limitMs)}`, className: styles.limit }].map(
        ({ label, className }) => (
          <span key={label}>
            <svg width="20" height="8" aria-hidden="true">
              <line className={className} x1="0" x2="20" y1="4" y2="4" />
            </svg>
            {label}
          </span>
        ),
      )}
      starts={buckets.map((bucket) => bucket.at)}
      describe={(index) =>
        LINES.toReversed()
          .map(({ key, label }) => `${label} ${words(at(index)[key])}`)
          .join(', ')
      }
      columns={LINES.toReversed().map(({ key, label }) => ({ head: label, cell: (index) => words(at(index)[key]) }))}
      onOpen={onOpen && ((index) => onOpen(at(index)))}
      draw={({ width, at: cursor, zone }) => {
        const x = scalePoint([...buckets.keys()], [MARGIN.left, width - MARGIN.right]).padding(0.5)
        const place = (index: number) => x(index) ?? 0
        return (
          <svg height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`} aria-hidden="true">
            {cursor !== null && (
              <rect
                className={styles.cursor}
                x={place(cursor) - x.step() / 2}
                width={x.step()}
                y={MARGIN.top}
                height={HEIGHT - MARGIN.top - MARGIN.bottom}
              />
            )}
            <ValueAxis ticks={y.ticks(3)} y={y} width={width} words={durationWords} />
            <line className={styles.limit} x1={MARGIN.left} x2={width - MARGIN.right} y1={y(limitMs)} y2={y(limitMs)} />
            {LINES.map(({ key, className }) => (
              <Curve key={key} className={className} values={buckets.map((bucket) => bucket[key])} x={place} y={y} />
            ))}
            <TimeAxis starts={buckets.map((bucket) => bucket.at)} x={place} width={width} zone={zone} />
          </svg>
        )
      }}
    />
  )
}

function Curve({
  values,
  x,
  y,
  className,
}: {
  values: readonly (number | null)[]
  x: (index: number) => number
  y: (value: number) => number
  className: string | undefined
}) {
  const path = line<number | null>(
    (_, index) => x(index),
    (value) => y(value ?? 0),
  ).defined((value) => value !== null)
  const alone = values.flatMap((value, index) =>
    value !== null && (values[index - 1] ?? null) === null && (values[index + 1] ?? null) === null
      ? [`M${x(index) - 2},${y(value)}h4`]
      : [],
  )
  return <path className={className} d={`${path([...values]) ?? ''}${alone.join('')}`} />
}
