import type { LucideIcon } from 'lucide-react'

/** Always beside a word, so it says nothing by itself. */
export function Icon({ of: Drawing, size = 16 }: { of: LucideIcon; size?: number }) {
  return <Drawing size={size} strokeWidth={1.75} aria-hidden focusable={false} />
}
