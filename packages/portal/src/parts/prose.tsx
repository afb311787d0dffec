/** What the service says: its words in backquotes are code. */
export function Prose({ children }: { children: string }) {
  const parts = children.split('`').map((part, index) => ({ part, at: index, isCode: index % 2 === 1 }))
  return parts.map(({ part, at, isCode }) => (isCode ? <code key={at}>{part}</code> : part))
}
