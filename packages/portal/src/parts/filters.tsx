import { SlidersHorizontal } from 'lucide-react'
import { type ReactNode, type SubmitEvent, useEffect, useState } from 'react'
import { useIsNarrow } from '#src/look/narrow.ts'
import { text } from '#src/text.ts'
import { Button } from './button.tsx'
import { Dialog, DialogActs } from './dialog.tsx'
import { type Option, Select, TextField } from './field.tsx'
import styles from './filters.module.css'

/** The filters of a list in one line, and the way to clear them; on a phone all but the search are in a sheet. */
export function Filters({
  isFiltered,
  onClear,
  search,
  children,
  result = text.list.show,
}: {
  isFiltered: boolean
  onClear: () => void
  /** The box that is there at every width. */
  search?: ReactNode
  children?: ReactNode
  /** What the sheet leads to: how many match, where that is known. */
  result?: string
}) {
  const isNarrow = useIsNarrow()
  const [isOpen, setOpen] = useState(false)
  const close = () => setOpen(false)
  const clear = isFiltered && (
    <Button isSmall kind="quiet" onPress={onClear}>
      {text.common.clear}
    </Button>
  )
  if (!isNarrow || children === undefined) {
    return (
      <search className={styles.filters}>
        {search}
        {children}
        {clear}
      </search>
    )
  }
  return (
    <search className={styles.filters}>
      {search}
      <Button icon={SlidersHorizontal} onPress={() => setOpen(true)}>
        {isFiltered ? text.list.filtersOn : text.list.filters}
      </Button>
      {clear}
      <Dialog title={text.list.filters} isOpen={isOpen} onClose={close}>
        <div className={styles.sheet}>{children}</div>
        <DialogActs>
          <Button kind="primary" onPress={close}>
            {result}
          </Button>
        </DialogActs>
      </Dialog>
    </search>
  )
}

const WAIT_MS = 300

/** A search box that asks once typing pauses, or on Enter. */
export function SearchFilter({
  label,
  value = '',
  onChange,
}: {
  label: string
  value: string | undefined
  onChange: (value: string | undefined) => void
}) {
  const [typed, setTyped] = useState(value)
  useEffect(() => setTyped(value), [value])
  useEffect(() => {
    if (typed === value) return
    const timer = setTimeout(() => onChange(typed || undefined), WAIT_MS)
    return () => clearTimeout(timer)
  }, [typed, value, onChange])
  function submit(event: SubmitEvent) {
    event.preventDefault()
    if (typed !== value) onChange(typed || undefined)
  }
  return (
    <form className={styles.search} onSubmit={submit}>
      <TextField label={label} isLabelHidden placeholder={label} type="search" value={typed} onChange={setTyped} />
    </form>
  )
}

const ANY = ''

/** One value of a filter; several, which an address may have, stay as they are until another is chosen. */
export function Choice({
  label,
  any,
  chosen,
  options,
  onChange,
}: {
  label: string
  any: string
  chosen: readonly string[] | undefined
  options: readonly Option[]
  onChange: (chosen: string[] | undefined) => void
}) {
  const value = chosen?.join(',') ?? ANY
  const known = options.some((option) => option.value === value)
  const labelOf = (one: string) => options.find((option) => option.value === one)?.label ?? one
  const extra = value === ANY || known ? [] : [{ value, label: chosen?.map(labelOf).join(', ') ?? value }]
  return (
    <Select
      label={label}
      isLabelHidden
      value={value}
      options={[{ value: ANY, label: any }, ...extra, ...options]}
      onChange={(next) => onChange(next === ANY ? undefined : next.split(','))}
    />
  )
}
