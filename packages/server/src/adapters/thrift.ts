import { constants, type NodeGCPerformanceDetail, PerformanceObserver } from 'node:perf_hooks'
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'

/** By how much old objects grow until they are collected again, in percent of those that were left. 0: as V8 decides, 300 and more. */
const OLD_GROWTH = '--heap-growing-percent='
const OLD_GROWTH_OF_V8 = 0
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

/** What is asked of V8, and what is told to it. */
type Engine = {
  setFlag(flag: string): void
  youngBytes(): number
  oldBytes(): number
  /** Calls this soon after each collection of old objects. */
  onCollected(listener: () => void): void
}

const V8: Engine = {
  setFlag: setFlagsFromString,
  youngBytes: () => space('new_space')?.space_size ?? 0,
  oldBytes: () => space('old_space')?.space_used_size ?? 0,
  onCollected,
}

/**
 * Lets V8 hold less garbage while much is read that is needed for some hundred milliseconds only: reports of NIPR, and pages of
 * records. Such objects get old and die soon after, and V8 would let hundreds of megabytes of them come together; and it would take as
 * much room for young ones as it ever does (docs/daily-run.md, "Memory"). Deliveries pay nothing for it, as long as nothing else is done.
 */
export class Thrift {
  readonly #engine: Engine
  #end: NodeJS.Timeout | undefined
  #looking: NodeJS.Timeout | undefined
  #oldGrowth = OLD_GROWTH_OF_V8
  #youngGrowth = YOUNG_GROWTH_OF_V8
  #isLarge = false

  constructor(engine: Engine = V8) {
    this.#engine = engine
  }

  /** Something is read, of the kind above. */
  note(): void {
    if (this.#end) return void this.#end.refresh()
    this.#looking = setInterval(() => this.#boundYoung(), LOOK_MS).unref()
    this.#end = setTimeout(() => this.#stop(), LASTS_MS).unref()
    this.#boundOld()
    this.#boundYoung()
  }

  /**
   * From now on old objects are spared, too, while a collection leaves more of them than this: with thousands of endpoints there are
   * thousands of connections, and four times that is much.
   */
  watch(oldBytesMax: number): void {
    this.#engine.onCollected(() => {
      this.#isLarge = this.#engine.oldBytes() > oldBytesMax
      this.#boundOld()
    })
  }

  #stop(): void {
    this.#end = undefined
    clearInterval(this.#looking)
    this.#boundOld()
    this.#letYoungGrow(YOUNG_GROWTH_OF_V8)
  }

  #boundOld(): void {
    const growth = this.#end || this.#isLarge ? OLD_GROWTH_SPARING : OLD_GROWTH_OF_V8
    if (growth !== this.#oldGrowth) this.#engine.setFlag(`${OLD_GROWTH}${growth}`)
    this.#oldGrowth = growth
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

function space(name: string) {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === name)
}

function onCollected(listener: () => void): void {
  const isOfOld = (entry: object) =>
    'detail' in entry && (entry.detail as NodeGCPerformanceDetail).kind === constants.NODE_PERFORMANCE_GC_MAJOR
  new PerformanceObserver((list) => {
    if (list.getEntries().some(isOfOld)) listener()
  }).observe({ entryTypes: ['gc'] })
}

/** Of this process: flags of V8 are. */
export const thrift = new Thrift()
