import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'

/** By how much old objects grow until they are collected again, in percent of those that were left. 0: as V8 decides, 300 and more. */
const OLD_GROWTH = '--heap-growing-percent='
const OLD_GROWTH_SPARING = 50
/** By what the room for young objects is multiplied when many of them have survived. */
const YOUNG_GROWTH = '--semi-space-growth-factor='
const YOUNG_GROWTH_OF_V8 = 2
const YOUNG_GROWTH_NONE = 1
/** Room for young objects that is enough while memory is spared, both halves: V8 goes on to twice as much. */
const YOUNG_BYTES_ENOUGH = 64 * 1024 * 1024
/** Shorter than the room takes to double once more. */
const LOOK_MS = 100
const LASTS_MS = 5_000
const WATCH_MS = 1_000

/** What is asked of V8, and what is told to it. */
type Engine = { setFlag(flag: string): void; youngBytes(): number; residentBytes(): number }

const V8: Engine = { setFlag: setFlagsFromString, youngBytes, residentBytes: () => process.memoryUsage.rss() }

/**
 * Lets V8 hold less garbage while much is read that is needed for some hundred milliseconds only: reports of NIPR, and pages of
 * records. Such objects get old and die soon after, and V8 would let hundreds of megabytes of them come together; and it would take as
 * much room for young ones as it ever does (docs/daily-run.md, "Memory"). Deliveries pay nothing for it, as long as nothing else is done and
 * the process is not large.
 */
export class Thrift {
  readonly #engine: Engine
  #end: NodeJS.Timeout | undefined
  #looking: NodeJS.Timeout | undefined
  #youngGrowth = YOUNG_GROWTH_OF_V8

  constructor(engine: Engine = V8) {
    this.#engine = engine
  }

  /** Something is read, of the kind above; or the process is large. */
  note(): void {
    if (this.#end) return void this.#end.refresh()
    this.#engine.setFlag(`${OLD_GROWTH}${OLD_GROWTH_SPARING}`)
    this.#boundYoung()
    this.#looking = setInterval(() => this.#boundYoung(), LOOK_MS).unref()
    this.#end = setTimeout(() => this.#stop(), LASTS_MS).unref()
  }

  /** From now on memory is spared, too, while the process holds more than this: with thousands of endpoints it delivers by thousands of connections. */
  watch(bytesMax: number): void {
    setInterval(() => {
      if (this.#engine.residentBytes() > bytesMax) this.note()
    }, WATCH_MS).unref()
  }

  #stop(): void {
    this.#end = undefined
    clearInterval(this.#looking)
    this.#engine.setFlag(`${OLD_GROWTH}0`)
    this.#letYoungGrow(YOUNG_GROWTH_OF_V8)
  }

  /** Room that V8 has given back, when little was read, it may take again. */
  #boundYoung(): void {
    this.#letYoungGrow(this.#engine.youngBytes() < YOUNG_BYTES_ENOUGH ? YOUNG_GROWTH_OF_V8 : YOUNG_GROWTH_NONE)
  }

  #letYoungGrow(factor: number): void {
    if (factor !== this.#youngGrowth) this.#engine.setFlag(`${YOUNG_GROWTH}${factor}`)
    this.#youngGrowth = factor
  }
}

function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0
}

/** Of this process: flags of V8 are. */
export const thrift = new Thrift()
