import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react'
import { Tabs } from '#src/parts/tabs.tsx'
import { text } from '#src/text.ts'
import { momentWords } from '#src/time/words.ts'
import { useZone } from '#src/time/zone.ts'
import styles from './charts.module.css'

export const HEIGHT = 140
export const MARGIN = { left: 44, right: 8, top: 8, bottom: 20 }
const WIDTH_FIRST = 640

/** What is drawn: its width in CSS pixels, and the bucket under the cursor. */
export type Drawing = { width: number; at: number | null; zone: string }

/**
 * What every chart has: caption, one sentence, a table of the same numbers, and a cursor that the arrow keys move. Enter opens what
 * explains the bucket.
 */
export function ChartFrame({
  caption,
  sentence,
  legend,
  starts,
  describe,
  columns,
  onOpen,
  draw,
}: {
  caption: string
  sentence: string
  legend: ReactNode
  /** When each bucket begins. */
  starts: readonly string[]
  /** A bucket in words. */
  describe: (index: number) => string
  columns: readonly { head: string; cell: (index: number) => string }[]
  onOpen?: (index: number) => void
  draw: (drawing: Drawing) => ReactNode
}) {
  const zone = useZone()
  const [shown, setShown] = useState<'chart' | 'table'>('chart')
  const [at, setAt] = useState<number | null>(null)
  const { plot, width } = useWidth()
  const id = useId()

  function onKey(event: KeyboardEvent) {
    const last = starts.length - 1
    const to: Record<string, number> = {
      ArrowRight: Math.min(last, (at ?? -1) + 1),
      ArrowLeft: Math.max(0, (at ?? last + 1) - 1),
      Home: 0,
      End: last,
    }
    const next = to[event.key]
    if (next !== undefined) {
      event.preventDefault()
      setAt(next)
    } else if (event.key === 'Enter' && at !== null) onOpen?.(at)
  }

  function indexAt(clientX: number): number | null {
    const box = plot.current?.getBoundingClientRect()
    if (!box) return null
    const share = (clientX - box.left - MARGIN.left) / (box.width - MARGIN.left - MARGIN.right)
    return share < 0 || share > 1 ? null : Math.min(starts.length - 1, Math.floor(share * starts.length))
  }

  const label = (index: number) => momentWords(new Date(starts[index] ?? 0), zone, 'short')
  return (
    <figure className={styles.figure}>
      <div className={styles.head}>
        <figcaption id={id}>{caption}</figcaption>
        <Tabs
          name={caption}
          chosen={shown}
          onChoose={setShown}
          tabs={[
            { id: 'chart', label: text.charts.chart },
            { id: 'table', label: text.charts.table },
          ]}
        />
      </div>
      <p className={styles.sentence}>{sentence}</p>
      {shown === 'table' ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        <div className={styles.table} tabIndex={0}>
          <table aria-labelledby={id}>
            <thead>
              <tr>
                <th scope="col">{text.charts.bucket}</th>
                {columns.map(({ head }) => (
                  <th key={head} scope="col">
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {starts.map((start, index) => (
                <tr key={start}>
                  <td>{label(index)}</td>
                  {columns.map(({ head, cell }) => (
                    <td key={head}>{cell(index)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <>
          <div
            ref={plot}
            className={styles.plot}
            role="slider"
            tabIndex={0}
            aria-labelledby={id}
            aria-roledescription={text.charts.chart}
            aria-valuemin={0}
            aria-valuemax={Math.max(0, starts.length - 1)}
            aria-valuenow={at ?? 0}
            aria-valuetext={at === null ? sentence : `${label(at)}: ${describe(at)}`}
            onKeyDown={onKey}
            onPointerMove={(event) => setAt(indexAt(event.clientX))}
            onPointerLeave={() => setAt(null)}
            onClick={() => at !== null && onOpen?.(at)}
          >
            {draw({ width, at, zone })}
          </div>
          <div className={styles.head}>
            <div className={styles.legend}>{legend}</div>
            <div className={styles.readout}>{at === null ? '' : `${label(at)} · ${describe(at)}`}</div>
          </div>
        </>
      )}
    </figure>
  )
}

function useWidth() {
  const plot = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(WIDTH_FIRST)
  useEffect(() => {
    const element = plot.current
    if (!element) return
    const observer = new ResizeObserver(([entry]) => entry && setWidth(Math.round(entry.contentRect.width)))
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  return { plot, width }
}
