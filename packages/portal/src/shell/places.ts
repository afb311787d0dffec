import {
  Activity,
  BookOpen,
  Building2,
  CalendarDays,
  CircleAlert,
  Code,
  Globe,
  HeartPulse,
  House,
  KeyRound,
  ListTree,
  type LucideIcon,
  Palette,
  RotateCcw,
  Settings,
  Users,
} from 'lucide-react'
import { text } from '#src/text.ts'

/** A place of the rail: where it leads below `/a/{account}` or `/env`, and the second key after `g`. */
export type Place = { to: string; name: string; icon: LucideIcon; key?: string; isExact?: boolean }

const words = text.shell

export const ACCOUNT_PLACES: readonly (readonly Place[])[] = [
  [
    { to: '/a/$account', name: words.home, icon: House, key: 'h', isExact: true },
    { to: '/a/$account/endpoints', name: words.endpoints, icon: Globe, key: 'e' },
    { to: '/a/$account/log', name: words.log, icon: ListTree, key: 'l' },
    { to: '/a/$account/replays', name: words.replays, icon: RotateCcw, key: 'r' },
    { to: '/a/$account/issues', name: words.issues, icon: CircleAlert, key: 'i' },
    { to: '/a/$account/producers', name: words.producers, icon: Users, key: 'p' },
    { to: '/a/$account/runs', name: words.runs, icon: CalendarDays, key: 'd' },
  ],
  [
    { to: '/a/$account/catalog', name: words.catalog, icon: BookOpen },
    { to: '/a/$account/developers', name: words.developers, icon: Code },
    { to: '/a/$account/activity', name: words.activity, icon: Activity },
    { to: '/a/$account/settings', name: words.settings, icon: Settings },
  ],
]

export const ENVIRONMENT_PLACES: readonly (readonly Place[])[] = [
  [
    { to: '/env', name: words.accounts, icon: Building2, isExact: true },
    { to: '/env/runs', name: words.niprRuns, icon: CalendarDays },
    { to: '/env/links', name: words.links, icon: KeyRound },
    { to: '/env/health', name: words.health, icon: HeartPulse },
    { to: '/env/activity', name: words.activity, icon: Activity },
    { to: '/env/look', name: words.look, icon: Palette },
  ],
]
