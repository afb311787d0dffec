import { useBlocker } from '@tanstack/react-router'
import { endpointText } from '#src/text-endpoints.ts'

/** Asks before what was typed is left behind, within the portal and when the tab is closed. */
export function useUnsavedGuard(isUnsaved: boolean): void {
  useBlocker({
    shouldBlockFn: ({ current, next }) =>
      isUnsaved && current.pathname !== next.pathname && !window.confirm(endpointText.endpointForm.unsaved),
    enableBeforeUnload: isUnsaved,
  })
}
