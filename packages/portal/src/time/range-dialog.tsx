import type { ZonedDateTime } from '@internationalized/date'
import { CalendarDays, ChevronLeft, ChevronRight } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import {
  Button as AriaButton,
  Dialog as AriaDialog,
  CalendarCell,
  CalendarGrid,
  CalendarHeading,
  DateInput,
  DateRangePicker,
  DateSegment,
  Group,
  I18nProvider,
  Label,
  Popover,
  RangeCalendar,
} from 'react-aria-components'
import { Button } from '#src/parts/button.tsx'
import { Dialog, DialogActs } from '#src/parts/dialog.tsx'
import { FieldError, Radios } from '#src/parts/field.tsx'
import { Icon } from '#src/parts/icon.tsx'
import { text } from '#src/text.ts'
import { faultOfRange, inZone, repeatedOf, toInstant } from './range.ts'
import styles from './range-dialog.module.css'
import { zoneName } from './words.ts'

const DAY_MS = 86_400_000

type Value = { start: ZonedDateTime; end: ZonedDateTime }

/** Two moments, typed or picked, by the clocks of the chosen zone. */
export function RangeDialog({
  range,
  retentionDays,
  zone,
  onChoose,
  onClose,
}: {
  range: { from: Date; to: Date }
  retentionDays: number | undefined
  zone: string
  onChoose: (range: { from: string; to: string }) => void
  onClose: () => void
}) {
  const [value, setValue] = useState<Value | null>({ start: inZone(range.from, zone), end: inZone(range.to, zone) })
  const earliest = retentionDays === undefined ? new Date(0) : new Date(Date.now() - retentionDays * DAY_MS)
  const fault = value && faultOfRange(value.start.toDate(), value.end.toDate(), earliest)
  const problem =
    value === null
      ? text.range.incomplete
      : fault === 'order'
        ? text.range.order
        : fault === 'too_early'
          ? text.range.tooEarly(retentionDays ?? 0)
          : null

  return (
    <Dialog title={text.range.customTitle} isOpen onClose={onClose}>
      <I18nProvider locale="en-GB">
        <DateRangePicker
          className={styles.picker ?? ''}
          value={value}
          onChange={setValue}
          granularity="minute"
          hourCycle={24}
          hideTimeZone
          shouldCloseOnSelect={false}
          isInvalid={problem !== null}
        >
          <Label className={styles.label}>{`${text.range.from} – ${text.range.to}`}</Label>
          <Group className={styles.group ?? ''}>
            <Input slot="start" />
            <span aria-hidden>{'–'}</span>
            <Input slot="end" />
            <AriaButton className={styles.open ?? ''}>
              <Icon of={CalendarDays} />
            </AriaButton>
          </Group>
          <Popover className={styles.popover ?? ''} offset={4}>
            <AriaDialog className={styles.dialog ?? ''}>
              <RangeCalendar>
                <header className={styles.month}>
                  <AriaButton slot="previous" className={styles.open ?? ''}>
                    <Icon of={ChevronLeft} />
                  </AriaButton>
                  <CalendarHeading className={styles.heading ?? ''} />
                  <AriaButton slot="next" className={styles.open ?? ''}>
                    <Icon of={ChevronRight} />
                  </AriaButton>
                </header>
                <CalendarGrid>{(date) => <CalendarCell date={date} className={styles.cell ?? ''} />}</CalendarGrid>
              </RangeCalendar>
            </AriaDialog>
          </Popover>
        </DateRangePicker>
      </I18nProvider>
      <p className={styles.hint}>
        {retentionDays === undefined ? text.range.zone(zone) : text.range.retention(retentionDays, zone)}
      </p>
      {value && (
        <>
          <Repeated label={text.range.from} value={value.start} onChange={(start) => setValue({ ...value, start })} />
          <Repeated label={text.range.to} value={value.end} onChange={(end) => setValue({ ...value, end })} />
        </>
      )}
      {problem !== null && <FieldError>{problem}</FieldError>}
      <DialogActs>
        <Button onPress={onClose}>{text.common.cancel}</Button>
        <Button
          kind="primary"
          whyOff={problem}
          onPress={() => value && onChoose({ from: toInstant(value.start), to: toInstant(value.end) })}
        >
          {text.range.apply}
        </Button>
      </DialogActs>
    </Dialog>
  )
}

function Input({ slot }: { slot: 'start' | 'end' }): ReactNode {
  return (
    <DateInput slot={slot} className={styles.input ?? ''}>
      {(segment) => <DateSegment segment={segment} className={styles.segment ?? ''} />}
    </DateInput>
  )
}

/** Asks which one is meant, where the clocks show the time twice. */
function Repeated({
  label,
  value,
  onChange,
}: {
  label: string
  value: ZonedDateTime
  onChange: (value: ZonedDateTime) => void
}) {
  const repeated = repeatedOf(value)
  if (!repeated) return null
  const name = (moment: ZonedDateTime) => zoneName(moment.toDate(), moment.timeZone)
  return (
    <Radios
      label={label}
      hint={text.range.repeated}
      value={value.compare(repeated.first) === 0 ? 'first' : 'second'}
      onChange={(which) => onChange(repeated[which])}
      options={[
        { value: 'first', label: text.range.first(name(repeated.first)) },
        { value: 'second', label: text.range.second(name(repeated.second)) },
      ]}
    />
  )
}
