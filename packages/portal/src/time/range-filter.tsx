import { lazy, Suspense, useState } from 'react'
import { instantOf } from '#src/address/search.ts'
import { Select } from '#src/parts/field.tsx'
import { text } from '#src/text.ts'
import { momentWords } from './words.ts'
import { useZone } from './zone.ts'

const RangeDialog = lazy(async () => ({ default: (await import('./range-dialog.tsx')).RangeDialog }))

const CUSTOM = 'custom'
const CHOSEN = 'chosen'
const ANY = 'any'

/** A range as an address has it: instants, or an age as `from`. */
export type Range = { from: string | undefined; to: string | undefined }

/**
 * Chooses a period: one that stays relative, or two moments to the minute.
 * @param retentionDays  nothing older is kept; absent: all is
 * @param of  what is chosen by it, where any time is a choice too
 */
export function RangeFilter({
  range,
  onChange,
  retentionDays,
  fallback = '-24h',
  of: subject,
}: {
  range: Range
  onChange: (range: Range) => void
  retentionDays?: number
  fallback?: string
  of?: {
    label: string
    any: string
    presets: Readonly<Record<string, string>>
    said: (period: string) => string
  }
}) {
  const zone = useZone()
  const [isOpen, setOpen] = useState(false)
  const from = range.from ?? fallback
  const isAny = subject !== undefined && range.from === undefined && range.to === undefined
  const isPreset = !isAny && range.to === undefined && from in text.range.presets
  const now = new Date()
  const words = (at: string | undefined) =>
    at === undefined ? text.range.now : momentWords(instantOf(at, now) ?? now, zone, 'short')
  const chosen = text.range.between(words(from), words(range.to))
  const options = [
    ...(subject ? [{ value: ANY, label: subject.any }] : []),
    ...(isPreset || isAny ? [] : [{ value: CHOSEN, label: subject?.said(chosen) ?? chosen }]),
    ...Object.entries(subject?.presets ?? text.range.presets).map(([value, label]) => ({ value, label })),
    { value: CUSTOM, label: text.range.custom },
  ]
  return (
    <>
      <Select
        label={subject?.label ?? text.range.label}
        isLabelHidden
        value={isAny ? ANY : isPreset ? from : CHOSEN}
        options={options}
        onChange={(value) => {
          if (value === CUSTOM) setOpen(true)
          else if (value === ANY) onChange({ from: undefined, to: undefined })
          else if (value !== CHOSEN) onChange({ from: value, to: undefined })
        }}
      />
      {isOpen && (
        <Suspense>
          <RangeDialog
            range={{ from: instantOf(from, now) ?? now, to: instantOf(range.to, now) ?? now }}
            retentionDays={retentionDays}
            zone={zone}
            onClose={() => setOpen(false)}
            onChoose={(chosen) => {
              setOpen(false)
              onChange(chosen)
            }}
          />
        </Suspense>
      )}
    </>
  )
}
