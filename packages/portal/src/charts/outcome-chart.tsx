import { scaleBand, scaleLinear } from 'd3-scale'
import { useId } from 'react'
import { count, text } from '#src/text.ts'
import { TimeAxis, ValueAxis } from './axis.tsx'
import styles from './charts.module.css'
import { ChartFrame, HEIGHT, MARGIN } from './frame.tsx'
import { outcomesSentence, sparkWords } from './words.ts'

type Bucket = { at: string; ok: number; failed: number }

/** Attempts that were answered with 2xx, and those that were not, one bar for each bucket. */
export function OutcomeChart({
  caption,
  buckets,
  onOpen,
}: {
  caption: string
  buckets: readonly Bucket[]
  onOpen?: (bucket: Bucket) => void
}) {
  const hatch = useId()
  const most = Math.max(1, ...buckets.map(({ ok, failed }) => ok + failed))
  const y = scaleLinear([0, most], [HEIGHT - MARGIN.bottom, MARGIN.top]).nice(3)
  const bucketAt = (index: number) => buckets[index] ?? { at: '', ok: 0, failed: 0 }
  return (
    <ChartFrame
      caption={caption}
      sentence={outcomesSentence(buckets)}
      legend={
        <>
          <Swatch className={styles.ok} label={text.charts.delivered} />
          <Swatch className={styles.failed} label={text.charts.failed} hatch={hatch} />
        </>
      }
      starts={buckets.map(({ at }) => at)}
      describe={(index) => sparkWords(bucketAt(index))}
      columns={[
        { head: text.charts.delivered, cell: (index) => count(bucketAt(index).ok) },
        { head: text.charts.failed, cell: (index) => count(bucketAt(index).failed) },
      ]}
      onOpen={onOpen && ((index) => onOpen(bucketAt(index)))}
      draw={({ width, at, zone }) => {
        const x = scaleBand([...buckets.keys()], [MARGIN.left, width - MARGIN.right]).paddingInner(0.2)
        const left = (index: number) => x(index) ?? 0
        return (
          <svg height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`} aria-hidden="true">
            <defs>
              <Hatch id={hatch} />
            </defs>
            {at !== null && (
              <rect
                className={styles.cursor}
                x={left(at) - 1}
                width={x.bandwidth() + 2}
                y={MARGIN.top}
                height={HEIGHT - MARGIN.top - MARGIN.bottom}
              />
            )}
            <ValueAxis ticks={y.ticks(3).filter(Number.isInteger)} y={y} width={width} words={count} />
            {buckets.map(({ at: start, ok, failed }, index) => {
              const base = y(0)
              const okTop = y(ok)
              const failedBase = ok > 0 && failed > 0 ? okTop - 1 : okTop
              const failedTop = Math.min(failedBase, y(ok + failed))
              return (
                <g key={start}>
                  <rect className={styles.ok} x={left(index)} width={x.bandwidth()} y={okTop} height={base - okTop} />
                  <Failed
                    x={left(index)}
                    width={x.bandwidth()}
                    y={failedTop}
                    height={failedBase - failedTop}
                    hatch={hatch}
                  />
                </g>
              )
            })}
            <TimeAxis starts={buckets.map(({ at: start }) => start)} x={left} width={width} zone={zone} />
          </svg>
        )
      }}
    />
  )
}

type Box = { x: number; y: number; width: number; height: number }

function Failed({ hatch, ...box }: Box & { hatch: string }) {
  return (
    <>
      <rect className={styles.failed} {...box} />
      <rect fill={`url(#${hatch})`} {...box} />
    </>
  )
}

/** Lines at 45°: what failed can be told apart without colour. */
function Hatch({ id }: { id: string }) {
  return (
    <pattern id={id} width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
      <line className={styles.hatch} x1="0" y1="0" x2="0" y2="4" />
    </pattern>
  )
}

function Swatch({ className, label, hatch }: { className: string | undefined; label: string; hatch?: string }) {
  return (
    <span>
      <svg width="12" height="12" aria-hidden="true">
        <rect className={className} width="12" height="12" rx="2" />
        {hatch !== undefined && <rect fill={`url(#${hatch})`} width="12" height="12" rx="2" />}
      </svg>
      {label}
    </span>
  )
}

const SPARK = { width: 96, height: 24 }

/** The same, as small as a word; the words stand beside it for those who do not see it. */
export function Spark({ hours }: { hours: readonly { ok: number; failed: number }[] }) {
  const most = Math.max(1, ...hours.map(({ ok, failed }) => ok + failed))
  const step = SPARK.width / Math.max(1, hours.length)
  const height = (value: number) => (value === 0 ? 0 : Math.max(1.5, (value / most) * (SPARK.height - 2)))
  return (
    <svg className={styles.spark} width={SPARK.width} height={SPARK.height} aria-hidden="true">
      <line className={styles.grid} x1="0" x2={SPARK.width} y1={SPARK.height - 0.5} y2={SPARK.height - 0.5} />
      {hours.map(({ ok, failed }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: an hour is its place
        <g key={index}>
          <rect
            className={styles.ok}
            x={index * step}
            width={step - 1}
            y={SPARK.height - height(ok)}
            height={height(ok)}
          />
          <rect
            className={styles.failed}
            x={index * step}
            width={step - 1}
            y={SPARK.height - height(ok) - height(failed)}
            height={height(failed)}
          />
        </g>
      ))}
    </svg>
  )
}
