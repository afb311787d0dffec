const DIGITS = /^[A-Za-z0-9+/]*={0,2}$/
const LINE_ENDS = /[ \t\r\n]+|&#(?:10|13|x[aAdD]);/g
/** The longest start of a line end written as `&#xD;` that a cut can leave. */
const CUT_REFERENCE = /&[^;&]{0,5}$/

/** Base64 in pieces, as an XML text: lines of any length, and line ends in any spelling. Holds back at most 8 characters. */
export class Base64Stream {
  #rest = ''
  #padded = false

  /** The bytes so far, or undefined when this is no base64. */
  decode(text: string): Buffer | undefined {
    const all = this.#rest + text
    const cut = CUT_REFERENCE.exec(all)?.index ?? all.length
    const digits = all.slice(0, cut).replace(LINE_ENDS, '')
    const whole = digits.length - (digits.length % 4)
    this.#rest = digits.slice(whole) + all.slice(cut)
    if (!DIGITS.test(digits) || (this.#padded && digits.length > 0)) return undefined
    this.#padded = whole > 0 && digits[whole - 1] === '='
    return Buffer.from(digits.slice(0, whole), 'base64')
  }

  /** Was it all there? */
  get isWhole(): boolean {
    return this.#rest === ''
  }
}
