import type { Replay } from '@producersync/server/contract'
import { Check, type LucideIcon, Pause, Play, Slash, X } from 'lucide-react'
import { Pill, type Tone } from '#src/parts/pill.tsx'
import { deliveryText } from '#src/text-deliveries.ts'

const words = deliveryText.replay.states
type State = keyof typeof words

const DRAWN: Record<State, { icon: LucideIcon; tone: Tone }> = {
  running: { icon: Play, tone: 'wait' },
  paused: { icon: Pause, tone: 'warn' },
  finished: { icon: Check, tone: 'ok' },
  canceled: { icon: Slash, tone: 'idle' },
  failed: { icon: X, tone: 'bad' },
}

/** A task's three words, with what else is known of it. */
export function stateOfReplay({ status, paused, canceled }: Pick<Replay, 'status' | 'paused' | 'canceled'>): State {
  if (canceled) return 'canceled'
  if (status === 'running') return paused ? 'paused' : 'running'
  return status === 'failed' ? 'failed' : 'finished'
}

export function ReplayPill({ of: replay }: { of: Replay }) {
  const state = stateOfReplay(replay)
  const { icon, tone } = DRAWN[state]
  return (
    <Pill tone={tone} icon={icon}>
      {words[state]}
    </Pill>
  )
}
