import { Fragment } from 'react'

/** A name of many words without blanks: broken after its dots, underscores and slashes rather than within its words. */
export function Breakable({ children }: { children: string }) {
  const parts = children.split(/(?<=[._/])/).map((part, index) => ({ part, at: index }))
  return parts.map(({ part, at }) => (
    <Fragment key={at}>
      {at > 0 && <wbr />}
      {part}
    </Fragment>
  ))
}
