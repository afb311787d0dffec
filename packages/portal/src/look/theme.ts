import { useSyncExternalStore } from 'react'
import { keep } from './kept.ts'

export type Theme = 'system' | 'light' | 'dark'

const KEY = 'psapi.theme'
const listeners = new Set<() => void>()

function themeOf(text: string | null): Theme {
  return text === 'light' || text === 'dark' ? text : 'system'
}

function current(): Theme {
  return themeOf(document.documentElement.dataset.theme ?? null)
}

/**
 * @param isKept  false: not this person's choice, but that of the page around this one
 * @see before-paint.ts, which sets it before anything is drawn
 */
export function setTheme(theme: Theme, { isKept = true } = {}): void {
  if (theme === 'system') {
    delete document.documentElement.dataset.theme
  } else {
    document.documentElement.dataset.theme = theme
  }
  if (isKept) keep(KEY, theme === 'system' ? null : theme)
  for (const listener of listeners) listener()
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }, current)
}
