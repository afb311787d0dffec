import type { Helper } from '../../bench/processes.ts'
import type { WorldCommands } from './world-process.ts'

export type World = Helper<WorldCommands>
export type { ApiAnswer, NameOrder, Packets } from './world-process.ts'
