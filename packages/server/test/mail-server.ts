import { type AddressInfo, createServer, type Server } from 'node:net'

export type MailServer = { url: string; texts: string[]; close(): Promise<void> }

/** A mail server that takes everything: RFC 5321, as far as one mail at a time goes. */
export async function startMailServer(): Promise<MailServer> {
  const taken: string[] = []
  const server: Server = createServer((socket) => {
    let text = ''
    let isData = false
    socket.write('220 test ESMTP\r\n')
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      text += chunk.toString()
      for (;;) {
        const end = isData ? '\r\n.\r\n' : '\r\n'
        const at = text.indexOf(end)
        if (at < 0) return
        const line = text.slice(0, at)
        text = text.slice(at + end.length)
        if (isData) taken.push(line)
        const asksData = !isData && /^data/i.test(line)
        if (/^quit/i.test(line)) socket.end('221 bye\r\n')
        else socket.write(asksData ? '354 go on\r\n' : '250 ok\r\n')
        isData = asksData
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `smtp://127.0.0.1:${port}`,
    texts: taken,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
