import { operatorLink } from './journeys/operator-link.ts'
import type { Setting } from './run.ts'

/** Somebody's way through the portal; throws where it does not lead on. */
export type Journey = { name: string; go: (setting: Setting) => Promise<void> }

export const JOURNEYS: readonly Journey[] = [{ name: 'an operator’s link lets in once', go: operatorLink }]
