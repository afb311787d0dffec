import type { PopulationJob } from '@producersync/server/contract'
import { Check, CircleAlert, Clock, type LucideIcon, RotateCw, Slash, X } from 'lucide-react'
import { Pill, type Tone } from '#src/parts/pill.tsx'
import { producerText } from '#src/text-producers.ts'

type State = PopulationJob['state']

const DRAWN: Record<State, [Tone, LucideIcon]> = {
  pending: ['warn', Clock],
  running: ['wait', RotateCw],
  canceling: ['wait', Slash],
  canceled: ['idle', Slash],
  succeeded: ['ok', Check],
  partly_failed: ['warn', CircleAlert],
  failed: ['bad', X],
}

export function JobPill({ state }: { state: State }) {
  const [tone, icon] = DRAWN[state]
  return (
    <Pill tone={tone} icon={icon}>
      {producerText.jobs.states[state]}
    </Pill>
  )
}
