import type { Issue } from '@producersync/server/contract'
import { Check, CircleAlert, Eye, type LucideIcon } from 'lucide-react'
import { endpointName } from '#src/endpoints/url.ts'
import { Pill, type Tone } from '#src/parts/pill.tsx'
import { issueText } from '#src/text-issues.ts'

const words = issueText.issues.states
const DRAWN: Record<Issue['state'], { icon: LucideIcon; tone: Tone }> = {
  open: { icon: CircleAlert, tone: 'bad' },
  acknowledged: { icon: Eye, tone: 'warn' },
  resolved: { icon: Check, tone: 'ok' },
}

/** The endpoint of an issue, as people call it. */
export function issueEndpoint({ endpointUrl: url, endpointDescription: description }: Issue): string {
  return endpointName({ url, description })
}

export function IssuePill({ state }: { state: Issue['state'] }) {
  const { icon, tone } = DRAWN[state]
  return (
    <Pill tone={tone} icon={icon}>
      {words[state]}
    </Pill>
  )
}
