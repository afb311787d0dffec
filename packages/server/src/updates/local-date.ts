declare const brand: unique symbol

/** A day of the calendar in America/Chicago, `YYYY-MM-DD`; days compare as texts. */
export type LocalDate = string & { readonly [brand]: 'LocalDate' }

const ISO_DATE = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** The day that a text `YYYY-MM-DD` names, or undefined: another text, or a day that no calendar has. */
export function parseLocalDate(text: string): LocalDate | undefined {
  const parts = ISO_DATE.exec(text)
  return parts ? localDateOf(Number(parts[1]), Number(parts[2]), Number(parts[3])) : undefined
}

/** The day of these numbers (month and day from 1, years 1 to 9999), or undefined where no calendar has it. */
export function localDateOf(year: number, month: number, day: number): LocalDate | undefined {
  const isLeapFebruary = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  const lastDay = (MONTH_DAYS[month - 1] ?? 0) + (isLeapFebruary ? 1 : 0)
  if (!(year >= 1 && year <= 9999 && day >= 1 && day <= lastDay)) return undefined
  return `${padded(year, 4)}-${padded(month, 2)}-${padded(day, 2)}` as LocalDate
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0')
}
