import Type from 'typebox'
import Value from 'typebox/value'
import { type Npn, parseNpn } from '#src/population/npn.ts'
import { type LocalDate, parseLocalDate } from '../updates/local-date.ts'
import { type Days, DEFAULT_HOLIDAYS, SCENARIOS, type Scenario } from './business-days.ts'
import type { World } from './world.ts'

const FeedDefinitionIn = Type.Object(
  {
    password: Type.String({ minLength: 1, maxLength: 200 }),
    seed: Type.String({ maxLength: 200 }),
    changeShare: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
    appointmentsAverage: Type.Optional(Type.Integer({ minimum: 0, maximum: 500 })),
    holidays: Type.Optional(Type.Array(Type.String(), { maxItems: 1000 })),
    scenarios: Type.Optional(Type.Record(Type.String(), Type.Enum([...SCENARIOS]))),
    failing: Type.Optional(Type.Array(Type.String(), { maxItems: 10_000 })),
  },
  { additionalProperties: false },
)

/**
 * What a simulated feed is, apart from its targets and its clock; its owner keeps it, since a simulator that has started again
 * knows nothing. `changeShare` (0.03) and `appointmentsAverage` (6) make the data, as `seed` does. `holidays`: without them 1
 * January, 4 July, Thanksgiving and 25 December. `scenarios` by day. `failing`: NPNs whose reports fail, besides those ending 004.
 */
export type FeedDefinition = Type.Static<typeof FeedDefinitionIn>

/** A definition as the simulator uses it. */
export type DefinedFeed = { password: string; world: World; days: DefinedDays; failing: ReadonlySet<Npn> }
type DefinedDays = Days & { scenarios: Map<LocalDate, Scenario> }

/** Undefined for anything that is no definition. */
export function parseFeedDefinition(value: unknown): DefinedFeed | undefined {
  if (!Value.Check(FeedDefinitionIn, value)) return undefined
  const { password, seed, changeShare = 0.03, appointmentsAverage = 6, holidays, scenarios = {}, failing = [] } = value
  const days = holidays?.flatMap((text) => parseLocalDate(text) ?? [])
  const scenarioDays = Object.entries(scenarios).flatMap(([text, scenario]): [LocalDate, Scenario][] => {
    const day = parseLocalDate(text)
    return day === undefined ? [] : [[day, scenario]]
  })
  const failingNpns = failing.flatMap((text) => parseNpn(text) ?? [])
  if (days?.length !== holidays?.length || scenarioDays.length !== Object.keys(scenarios).length) return undefined
  if (failingNpns.length !== failing.length) return undefined
  return {
    password,
    world: { seed, changeShare, appointmentsAverage },
    days: { holidays: days === undefined ? DEFAULT_HOLIDAYS : new Set(days), scenarios: new Map(scenarioDays) },
    failing: new Set(failingNpns),
  }
}
