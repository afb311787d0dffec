import type { Issue } from '@producersync/server/contract'
import { Check, CircleAlert, Eye, type LucideIcon } from 'lucide-react'
import { Pill, type Tone } from '#src/parts/pill.tsx'
import { deliveryText } from '#src/text-deliveries.ts'

const words = deliveryText.issues.states
const DRAWN: Record<Issue['state'], { icon: LucideIcon; tone: Tone }> = {
  open: { icon: CircleAlert, tone: 'bad' },
  acknowledged: { icon: Eye, tone: 'warn' },
  resolved: { icon: Check, tone: 'ok' },
}

export function IssuePill({ state }: { state: Issue['state'] }) {
  const { icon, tone } = DRAWN[state]
  return (
    <Pill tone={tone} icon={icon}>
      {words[state]}
    </Pill>
  )
}
