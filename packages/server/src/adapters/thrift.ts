import { setFlagsFromString } from 'node:v8'

/** By how much old objects grow until they are collected again, in percent of those that were left. 0: as V8 decides, 300 and more. */
const FLAG = '--heap-growing-percent='
const SPARING_PERCENT = 50
const LASTS_MS = 5_000

/**
 * Lets V8 collect old objects sooner while much is read that is needed for some hundred milliseconds only: reports of NIPR, and
 * pages of records. Such objects get old and die soon after, and V8 would let hundreds of megabytes of them come together
 * (docs/daily-run.md, "Memory"). Deliveries pay nothing for it, as long as nothing else is done.
 */
export class Thrift {
  readonly #setFlag: (flag: string) => void
  #end: NodeJS.Timeout | undefined

  constructor(setFlag: (flag: string) => void = setFlagsFromString) {
    this.#setFlag = setFlag
  }

  /** Something is read, of the kind above. */
  note(): void {
    if (this.#end) return void this.#end.refresh()
    this.#setFlag(`${FLAG}${SPARING_PERCENT}`)
    this.#end = setTimeout(() => {
      this.#end = undefined
      this.#setFlag(`${FLAG}0`)
    }, LASTS_MS).unref()
  }
}

/** Of this process: flags of V8 are. */
export const thrift = new Thrift()
