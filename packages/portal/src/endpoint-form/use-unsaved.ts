import { useBlocker } from '@tanstack/react-router'
import { text } from '#src/text.ts'

/** Asks before what was typed is left behind, within the portal and when the tab is closed. */
export function useUnsavedGuard(isUnsaved: boolean): void {
  useBlocker({
    shouldBlockFn: ({ current, next }) =>
      isUnsaved && current.pathname !== next.pathname && !window.confirm(text.endpointForm.unsaved),
    enableBeforeUnload: isUnsaved,
  })
}
