import { connect, type TLSSocket } from 'node:tls'

/** One connection that is kept, with one request at a time: as little as can be, because the load has one core for all. */
export class Line {
  readonly #socket: TLSSocket
  #arrived = ''
  #answer: { readonly resolve: (body: string) => void; readonly reject: (error: Error) => void } | undefined

  private constructor(socket: TLSSocket) {
    this.#socket = socket
    socket.on('data', (piece: Buffer) => this.#read(piece.toString('latin1')))
    socket.on('error', (error) => this.#answer?.reject(error))
    socket.on('close', () => this.#answer?.reject(new Error('the server has closed the connection')))
  }

  static async open({ port, ca }: { readonly port: number; readonly ca: string }): Promise<Line> {
    const socket = connect({ host: 'localhost', servername: 'localhost', port, ca })
    socket.setNoDelay(true)
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve)
      socket.once('error', reject)
    })
    return new Line(socket)
  }

  /** Sends a request as it stands and resolves with the body of its answer. @throws Error for any status but 200. */
  send(request: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#answer = { resolve, reject }
      this.#socket.write(request, 'latin1')
    })
  }

  close(): void {
    this.#answer = undefined
    this.#socket.destroy()
  }

  #read(piece: string): void {
    this.#arrived += piece
    const head = this.#arrived.indexOf('\r\n\r\n')
    if (head < 0) return
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(this.#arrived.slice(0, head))?.[1])
    const begin = head + 4
    if (this.#arrived.length < begin + length) return
    const text = this.#arrived
    this.#arrived = ''
    const answer = this.#answer
    this.#answer = undefined
    if (text.startsWith('HTTP/1.1 200 ') && !Number.isNaN(length)) answer?.resolve(text.slice(begin))
    else answer?.reject(new Error(`Cannot measure, as every answer must be a token: ${text.slice(0, 1000)}`))
  }
}

/** A token request as it goes over a connection. */
export function tokenRequest(port: number, path: string, form: Readonly<Record<string, string>>): string {
  const body = new URLSearchParams(form).toString()
  return [
    `POST ${path} HTTP/1.1`,
    `Host: localhost:${port}`,
    'Accept: application/json',
    'Content-Type: application/x-www-form-urlencoded',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n')
}
