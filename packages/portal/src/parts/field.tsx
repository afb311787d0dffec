import { TriangleAlert } from 'lucide-react'
import { type HTMLInputTypeAttribute, type ReactNode, useId } from 'react'
import { cx } from './class-names.ts'
import styles from './field.module.css'
import { Icon } from './icon.tsx'

type Common = {
  label: string
  /** As the service calls it: a refusal leads here. */
  name?: string
  /** Read by screen readers alone: where the place says what it is. */
  isLabelHidden?: boolean
  hint?: ReactNode
  error?: string
}

type Ids = { id: string; describedBy: string | undefined; isInvalid: boolean }

function Field({
  label,
  isLabelHidden,
  hint,
  error,
  children,
  ...given
}: Common & { id?: string; children: (ids: Ids) => ReactNode }) {
  const made = useId()
  const id = given.id ?? made
  const describedBy = cx(hint != null && `${id}-hint`, error && `${id}-error`) || undefined
  return (
    <div className={styles.field}>
      {!isLabelHidden && <label htmlFor={id}>{label}</label>}
      {children({ id, describedBy, isInvalid: Boolean(error) })}
      {hint != null && (
        <div id={`${id}-hint`} className={styles.hint}>
          {hint}
        </div>
      )}
      {error && <FieldError id={`${id}-error`}>{error}</FieldError>}
    </div>
  )
}

export function FieldError({ id, children }: { id?: string; children: ReactNode }) {
  return (
    <div id={id} className={styles.error}>
      <Icon of={TriangleAlert} size={14} />
      <span>{children}</span>
    </div>
  )
}

type Text = Common & {
  value: string
  onChange: (value: string) => void
  type?: HTMLInputTypeAttribute
  placeholder?: string
  isMono?: boolean
  autoFocus?: boolean
  autoComplete?: string
  inputMode?: 'numeric' | 'text' | 'url'
  onBlur?: () => void
  min?: string | number
  max?: string | number
}

export function TextField({ value, onChange, isMono, ...props }: Text) {
  const { label, isLabelHidden, hint, error, ...input } = props
  return (
    <Field label={label} isLabelHidden={isLabelHidden} hint={hint} error={error}>
      {({ id, describedBy, isInvalid }) => (
        <input
          {...input}
          id={id}
          type={input.type ?? 'text'}
          // biome-ignore lint/a11y/noAutofocus: the one field of a dialog
          autoFocus={input.autoFocus}
          autoComplete={input.autoComplete ?? 'off'}
          spellCheck={false}
          aria-label={isLabelHidden ? label : undefined}
          aria-describedby={describedBy}
          aria-invalid={isInvalid || undefined}
          className={cx(styles.input, isMono && styles.mono)}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  )
}

export function TextArea({
  value,
  onChange,
  rows = 4,
  isMono,
  ...props
}: Common & { value: string; onChange: (value: string) => void; rows?: number; isMono?: boolean }) {
  return (
    <Field {...props}>
      {({ id, describedBy, isInvalid }) => (
        <textarea
          id={id}
          name={props.name}
          rows={rows}
          spellCheck={false}
          aria-label={props.isLabelHidden ? props.label : undefined}
          aria-describedby={describedBy}
          aria-invalid={isInvalid || undefined}
          className={cx(styles.input, isMono && styles.mono)}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  )
}

/** @param isSentAtOnce  the control forgets the file, which can then be chosen again */
export function FileField({
  id,
  accept,
  onChange,
  isOff,
  isSentAtOnce,
  ...props
}: Common & {
  id: string
  accept: string
  onChange: (file: File | null) => void
  isOff?: boolean
  isSentAtOnce?: boolean
}) {
  return (
    <Field {...props} id={id}>
      {({ describedBy, isInvalid }) => (
        <input
          id={id}
          name={props.name}
          type="file"
          accept={accept}
          disabled={isOff}
          aria-describedby={describedBy}
          aria-invalid={isInvalid || undefined}
          onChange={(event) => {
            const file = event.target.files?.[0] ?? null
            if (isSentAtOnce) event.target.value = ''
            onChange(file)
          }}
        />
      )}
    </Field>
  )
}

export type Option<Value extends string = string> = { value: Value; label: string }

export function Select<Value extends string>({
  value,
  onChange,
  options,
  ...props
}: Common & { value: Value; onChange: (value: Value) => void; options: readonly Option<Value>[] }) {
  return (
    <Field {...props}>
      {({ id, describedBy, isInvalid }) => (
        <select
          id={id}
          name={props.name}
          className={cx(styles.input, styles.select)}
          aria-label={props.isLabelHidden ? props.label : undefined}
          aria-describedby={describedBy}
          aria-invalid={isInvalid || undefined}
          value={value}
          onChange={(event) => {
            const chosen = options.find((option) => option.value === event.target.value)
            if (chosen) onChange(chosen.value)
          }}
        >
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  )
}

export function Checkbox({
  label,
  hint,
  isChecked,
  isMixed,
  onChange,
  whyOff,
}: {
  label: ReactNode
  hint?: ReactNode
  isChecked: boolean
  isMixed?: boolean
  onChange: (isChecked: boolean) => void
  whyOff?: string
}) {
  return (
    <label className={styles.choice} data-tip={whyOff}>
      <input
        type="checkbox"
        ref={(input) => {
          if (input) input.indeterminate = Boolean(isMixed)
        }}
        checked={isChecked}
        disabled={whyOff !== undefined}
        onChange={(event) => onChange(event.target.checked)}
      />
      <span>
        {label}
        {hint != null && <small>{hint}</small>}
      </span>
    </label>
  )
}

export function Radios<Value extends string>({
  label,
  hint,
  error,
  value,
  onChange,
  options,
}: Common & {
  value: Value | null
  onChange: (value: Value) => void
  options: readonly (Option<Value> & { hint?: ReactNode })[]
}) {
  const id = useId()
  return (
    <fieldset className={styles.set} aria-describedby={error ? `${id}-error` : undefined}>
      <legend className={styles.legend}>{label}</legend>
      {hint != null && <div className={styles.hint}>{hint}</div>}
      {options.map((option) => (
        <label key={option.value} className={styles.choice}>
          <input type="radio" name={id} checked={value === option.value} onChange={() => onChange(option.value)} />
          <span>
            {option.label}
            {option.hint != null && <small>{option.hint}</small>}
          </span>
        </label>
      ))}
      {error && <FieldError id={`${id}-error`}>{error}</FieldError>}
    </fieldset>
  )
}

/** A group of fields under one name. */
export function FieldSet({ label, children }: { label: string; children: ReactNode }) {
  return (
    <fieldset className={styles.set}>
      <legend className={styles.legend}>{label}</legend>
      {children}
    </fieldset>
  )
}
