import {
  ArrowUpRight,
  Ban,
  Check,
  CircleAlert,
  CircleHelp,
  Clock,
  Hourglass,
  type LucideIcon,
  Minus,
  Pause,
  Radio,
  RotateCw,
  Slash,
  TrendingDown,
  X,
} from 'lucide-react'
import { Pill, type Tone } from '#src/parts/pill.tsx'
import { text } from '#src/text.ts'

/** How a state is drawn: word, icon and tone, by its name in the API. Source: portal 5. */
type Drawn = { word: string; icon: LucideIcon; tone: Tone }

function StatePill({ word, icon, tone }: Drawn) {
  return (
    <Pill tone={tone} icon={icon}>
      {word}
    </Pill>
  )
}

const words = text.states
const DELIVERY = {
  waiting: { word: words.waiting, icon: Clock, tone: 'warn' },
  sending: { word: words.sending, icon: ArrowUpRight, tone: 'wait' },
  retrying: { word: words.retrying, icon: RotateCw, tone: 'wait' },
  delivered: { word: words.delivered, icon: Check, tone: 'ok' },
  exhausted: { word: words.exhausted, icon: X, tone: 'bad' },
  canceled: { word: words.canceled, icon: Slash, tone: 'idle' },
  skipped: { word: words.skipped, icon: Minus, tone: 'idle' },
} as const satisfies Record<string, Drawn>

export type DeliveryState = keyof typeof DELIVERY
export const DELIVERY_STATES = Object.keys(DELIVERY) as DeliveryState[]

/** @param attempts  of a delivery that is retried: how many were made, and how many may be */
export function DeliveryPill({ state, attempts }: { state: DeliveryState; attempts?: { made: number; max: number } }) {
  const drawn = DELIVERY[state]
  const word = state === 'retrying' && attempts ? words.retryingOf(attempts.made, attempts.max) : drawn.word
  return <StatePill {...drawn} word={word} />
}

const ENDPOINT = {
  unverified: { word: text.endpointStates.unverified, icon: CircleHelp, tone: 'idle' },
  healthy: { word: text.endpointStates.healthy, icon: Check, tone: 'ok' },
  degraded: { word: text.endpointStates.degraded, icon: TrendingDown, tone: 'warn' },
  failing: { word: text.endpointStates.failing, icon: X, tone: 'bad' },
  paused: { word: text.endpointStates.paused, icon: Pause, tone: 'warn' },
  disabled: { word: text.endpointStates.disabled, icon: Ban, tone: 'idle' },
} as const satisfies Record<string, Drawn>

export type EndpointState = keyof typeof ENDPOINT
export const ENDPOINT_STATES = Object.keys(ENDPOINT) as EndpointState[]

export function EndpointPill({ state }: { state: EndpointState }) {
  return <StatePill {...ENDPOINT[state]} />
}

const DATA = {
  loading: { word: text.dataStates.loading, icon: Hourglass, tone: 'wait' },
  ready: { word: text.dataStates.ready, icon: Check, tone: 'ok' },
  no_licenses: { word: text.dataStates.no_licenses, icon: Minus, tone: 'idle' },
  not_found: { word: text.dataStates.not_found, icon: CircleHelp, tone: 'warn' },
  removed: { word: text.dataStates.removed, icon: Slash, tone: 'idle' },
} as const satisfies Record<string, Drawn>

export type DataState = keyof typeof DATA
export const DATA_STATES = Object.keys(DATA) as DataState[]

/** How the data of a producer stands. */
export function DataPill({ state }: { state: DataState }) {
  return <StatePill {...DATA[state]} />
}

const RUN = {
  scheduled: { word: text.runStates.scheduled, icon: Clock, tone: 'wait' },
  collecting: { word: text.runStates.collecting, icon: Radio, tone: 'wait' },
  publishing: { word: text.runStates.publishing, icon: ArrowUpRight, tone: 'wait' },
  published: { word: text.runStates.published, icon: Check, tone: 'ok' },
  no_report: { word: text.runStates.no_report, icon: Minus, tone: 'idle' },
  held: { word: text.runStates.held, icon: Pause, tone: 'warn' },
  failed: { word: text.runStates.failed, icon: X, tone: 'bad' },
  no_run: { word: text.runStates.no_run, icon: Minus, tone: 'idle' },
} as const satisfies Record<string, Drawn>

/** A state that this page does not know yet is shown by its name. */
export function RunPill({ state, isLate }: { state: string; isLate?: boolean }) {
  const drawn: Drawn = state in RUN ? RUN[state as keyof typeof RUN] : { word: state, icon: CircleAlert, tone: 'idle' }
  const late = isLate && { word: text.runStates.late(drawn.word), tone: 'warn' as const }
  return <StatePill {...drawn} {...late} />
}
