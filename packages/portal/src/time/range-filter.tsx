import { lazy, Suspense, useState } from 'react'
import { instantOf } from '#src/address/search.ts'
import { Select } from '#src/parts/field.tsx'
import { text } from '#src/text.ts'
import { momentWords } from './words.ts'
import { useZone } from './zone.ts'

const RangeDialog = lazy(async () => ({ default: (await import('./range-dialog.tsx')).RangeDialog }))

const CUSTOM = 'custom'
const CHOSEN = 'chosen'

/** A range as an address has it: instants, or an age as `from`. */
export type Range = { from: string | undefined; to: string | undefined }

/**
 * Chooses a period: one that stays relative, or two moments to the minute.
 * @param retentionDays  nothing older is kept
 */
export function RangeFilter({
  range,
  onChange,
  retentionDays,
  fallback = '-24h',
}: {
  range: Range
  onChange: (range: Range) => void
  retentionDays: number
  fallback?: string
}) {
  const zone = useZone()
  const [isOpen, setOpen] = useState(false)
  const from = range.from ?? fallback
  const isPreset = range.to === undefined && from in text.range.presets
  const now = new Date()
  const words = (at: string | undefined) =>
    at === undefined ? text.range.now : momentWords(instantOf(at, now) ?? now, zone, 'short')
  const options = [
    ...(isPreset ? [] : [{ value: CHOSEN, label: text.range.between(words(from), words(range.to)) }]),
    ...Object.entries(text.range.presets).map(([value, label]) => ({ value, label })),
    { value: CUSTOM, label: text.range.custom },
  ]
  return (
    <>
      <Select
        label={text.range.label}
        isLabelHidden
        value={isPreset ? from : CHOSEN}
        options={options}
        onChange={(value) => {
          if (value === CUSTOM) setOpen(true)
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
