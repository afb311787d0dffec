import { useState } from 'react'
import { ApiError } from '#src/api/request.ts'
import { asciiHostOf } from '#src/endpoints/url.ts'
import { Select, TextArea, TextField } from '#src/parts/field.tsx'
import type { Account } from '#src/session/account.ts'
import { endpointText } from '#src/text-endpoints.ts'
import { durationWords } from '#src/time/words.ts'
import type { Draft, DraftFaults } from './draft.ts'
import styles from './endpoint-form.module.css'
import { TypePicker } from './type-picker.tsx'

const words = endpointText.endpointForm

/** Names of fields in the API, where the draft has others. */
const API_NAMES: Partial<Record<keyof Draft, string>> = {
  types: 'eventTypes',
  timeoutSeconds: 'timeoutMs',
  schedule: 'retrySchedule',
}

/** Those that are shown when they are asked for. */
const ADVANCED = ['throttleRate', 'maxConcurrency', 'timeoutSeconds', 'schedule', 'channels', 'headers'] as const

/**
 * The fields of an endpoint.
 * @param faults   those that are to be shown
 * @param refusal  what the service said of the body, which is shown at its field
 */
export function EndpointFields({
  account,
  draft,
  faults,
  refusal,
  isNew,
  onChange,
}: {
  account: Account
  draft: Draft
  faults: DraftFaults
  refusal: unknown
  isNew: boolean
  onChange: (change: Partial<Draft>) => void
}) {
  const [isOpen, setOpen] = useState(false)
  const nameOf = (field: keyof Draft) => API_NAMES[field] ?? field
  function errorOf(field: keyof Draft): string | undefined {
    const fault = faults[field]
    if (fault) return words.faults[fault]
    const said = refusal instanceof ApiError ? refusal.faultOf(nameOf(field)) : undefined
    return said === words.addressRefused ? words.faults.private : said
  }
  const set = (field: keyof Draft) => (value: string) => onChange({ [field]: value })
  const asciiHost = asciiHostOf(draft.url)
  const waits = draft.schedule
    .split(/[\s,]+/)
    .map(Number)
    .filter((wait) => wait > 0)
  return (
    <>
      <TextField
        label={words.url}
        hint={
          <>
            {words.urlHint} {asciiHost !== null && words.urlSentTo(asciiHost)}
          </>
        }
        name={nameOf('url')}
        error={errorOf('url')}
        value={draft.url}
        onChange={set('url')}
        type="url"
        inputMode="url"
        placeholder="https://hooks.example.com/producersync"
        isMono
      />
      <TextField
        label={words.description}
        hint={words.descriptionHint}
        name={nameOf('description')}
        error={errorOf('description')}
        value={draft.description}
        onChange={set('description')}
      />
      <TypePicker
        account={account.id}
        scope={draft.scope}
        types={draft.types}
        error={errorOf('types')}
        onChange={onChange}
      />
      <details
        className={styles.advanced}
        open={isOpen || ADVANCED.some((field) => errorOf(field) !== undefined)}
        onToggle={(event) => setOpen(event.currentTarget.open)}
      >
        <summary>{words.advanced}</summary>
        <div className={styles.grid}>
          <TextField
            label={words.rate}
            hint={words.rateHint}
            name={nameOf('throttleRate')}
            error={errorOf('throttleRate')}
            value={draft.throttleRate}
            onChange={set('throttleRate')}
            inputMode="numeric"
          />
          <TextField
            label={words.concurrency}
            hint={words.concurrencyHint}
            name={nameOf('maxConcurrency')}
            error={errorOf('maxConcurrency')}
            value={draft.maxConcurrency}
            onChange={set('maxConcurrency')}
            inputMode="numeric"
          />
          <TextField
            label={words.timeout}
            hint={words.timeoutHint}
            name={nameOf('timeoutSeconds')}
            error={errorOf('timeoutSeconds')}
            value={draft.timeoutSeconds}
            onChange={set('timeoutSeconds')}
            inputMode="numeric"
          />
          <Select
            label={words.order}
            hint={words.orderHint}
            value={draft.ordering}
            onChange={(ordering) => onChange({ ordering })}
            options={[
              { value: 'none', label: words.orders.none },
              { value: 'fifo', label: words.orders.fifo },
            ]}
          />
          <div className={styles.wide}>
            <TextField
              label={words.schedule}
              hint={
                waits.length === 0
                  ? words.scheduleHint
                  : words.scheduleWords(waits.map((wait) => durationWords(wait * 1_000)))
              }
              name={nameOf('schedule')}
              error={errorOf('schedule')}
              value={draft.schedule}
              onChange={set('schedule')}
              placeholder="5, 300, 1800, 7200"
              isMono
            />
          </div>
          <div className={styles.wide}>
            <TextField
              label={words.channels}
              hint={words.channelsHint}
              name={nameOf('channels')}
              error={errorOf('channels')}
              value={draft.channels}
              onChange={set('channels')}
              isMono
            />
          </div>
          {isNew && (
            <div className={styles.wide}>
              <TextArea
                label={words.headers}
                hint={words.headersHint}
                name={nameOf('headers')}
                error={errorOf('headers')}
                value={draft.headers}
                onChange={set('headers')}
                rows={3}
                isMono
              />
            </div>
          )}
        </div>
      </details>
    </>
  )
}
