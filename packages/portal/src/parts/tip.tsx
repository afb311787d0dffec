import { cloneElement, type ReactElement } from 'react'

/** What a control says on hover and focus. One bubble, drawn by TipLayer, serves the whole page. */
export function Tip({ text, children }: { text: string; children: ReactElement<{ 'data-tip'?: string }> }) {
  return cloneElement(children, { 'data-tip': text })
}
