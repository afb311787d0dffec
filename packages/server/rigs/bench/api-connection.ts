import { connect, type Socket } from 'node:net'

/** An answer of the API; `status` 0: the connection went away before it was whole. */
export type ApiAnswer = { status: number; body: Buffer }

const HEAD_END = Buffer.from('\r\n\r\n')
const CONTENT_LENGTH = /\r\ncontent-length: (\d+)/i
const CLOSES = /\r\nconnection: close/i
const NOTHING = Buffer.alloc(0)
const STATUS_AT = 'HTTP/1.1 '.length

/** One kept connection to the API, one request at a time; reads no more of an answer than where it ends. */
export class ApiConnection {
  readonly #port: number
  #socket: Socket | undefined
  #answered: ((answer: ApiAnswer) => void) | undefined
  #chunks: Buffer[] = []
  #bytes = 0
  /** Bytes of the answer, head included, once its head is known. */
  #wanted = 0
  #headBytes = 0
  #status = 0
  #closes = false

  constructor(port: number) {
    this.#port = port
  }

  /** @param answered  called once */
  send(head: string, body: Buffer, answered: (answer: ApiAnswer) => void): void {
    this.#answered = answered
    this.#socket ??= this.#open()
    this.#socket.cork()
    this.#socket.write(head, 'latin1')
    this.#socket.write(body)
    this.#socket.uncork()
  }

  close(): void {
    this.#socket?.destroy()
  }

  #open(): Socket {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('error', () => {}) // its close follows
    socket.on('close', () => {
      if (this.#socket !== socket) return
      this.#socket = undefined
      this.#end({ status: 0, body: NOTHING })
    })
    return socket
  }

  #read(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#wanted === 0) this.#readHead()
    if (this.#wanted === 0 || this.#bytes < this.#wanted) return
    const whole = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks)
    if (this.#closes) {
      this.#socket?.destroy()
      this.#socket = undefined
    }
    this.#end({ status: this.#status, body: whole.subarray(this.#headBytes) })
  }

  #readHead(): void {
    const bytes = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks)
    const end = bytes?.indexOf(HEAD_END) ?? -1
    if (!bytes || end < 0) return
    const head = bytes.toString('latin1', 0, end)
    this.#headBytes = end + HEAD_END.length
    this.#wanted = this.#headBytes + Number(CONTENT_LENGTH.exec(head)?.[1] ?? 0)
    this.#status = Number(head.slice(STATUS_AT, STATUS_AT + 3))
    this.#closes = CLOSES.test(head)
  }

  #end(answer: ApiAnswer): void {
    const answered = this.#answered
    this.#answered = undefined
    this.#chunks = []
    this.#bytes = 0
    this.#wanted = 0
    answered?.(answer)
  }
}
