import type { ReactNode } from 'react'

/** One line of a list of facts (`dl`): what it is, and what it is here. */
export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  )
}
