import { bindTo, type Cores, idleTicks, usedUs } from './cores.ts'
import { Line } from './line.ts'
import type { MeasuredServer } from './server.ts'

const CONNECTIONS = 16

/** A server under load, and what the load asks it for. */
export interface Side {
  readonly server: MeasuredServer
  /** The cores that the load may use meanwhile. */
  readonly load: Cores
  /** The numbered request. */
  readonly request: (index: number) => string
}

/** What a slice of load has measured. */
export interface Slice {
  readonly tokens: number
  readonly tokensPerSecond: number
  /** Of the server's process, for each token. */
  readonly cpuUs: number
  readonly latenciesMs: readonly number[]
  /** The part of the machine's cores that was not idle, whoever used it. */
  readonly busy: number
}

/** Load on one server by sixteen connections, and the ids of all tokens that have come of it. */
export class Load {
  readonly #side: Side
  readonly #ids = new Set<string>()
  #requests = 0

  constructor(side: Side) {
    this.#side = side
  }

  /** Asks for so many tokens first: code that has run often is compiled, and what is read often is kept. */
  async warm(tokens: number): Promise<void> {
    for (let done = 0; done < tokens; ) done += (await this.run(500)).tokens
  }

  /** Asks for tokens on all connections for so long. @throws Error for an answer that carries no new token. */
  async run(ms: number): Promise<Slice> {
    const { server, load } = this.#side
    bindTo(load, process.pid)
    // Opened anew, and used once, because servers close what has been idle for some seconds.
    const lines = await Promise.all(Array.from({ length: CONNECTIONS }, () => Line.open(server)))
    await Promise.all(lines.map((line) => this.#ask(line, 0, [])))
    const [before, idle] = [usedUs(server.pid), idleTicks()]
    const startMs = performance.now()
    const latenciesMs: number[] = []
    await Promise.all(lines.map((line) => this.#ask(line, startMs + ms, latenciesMs)))
    const seconds = (performance.now() - startMs) / 1000
    const [used, idleAfter] = [usedUs(server.pid) - before, idleTicks()]
    for (const line of lines) line.close()
    const tokens = latenciesMs.length
    return {
      tokens,
      tokensPerSecond: tokens / seconds,
      cpuUs: used / tokens,
      latenciesMs,
      busy: 1 - (idleAfter.idle - idle.idle) / (idleAfter.all - idle.all),
    }
  }

  async #ask(line: Line, untilMs: number, latenciesMs: number[]): Promise<void> {
    let nowMs = performance.now()
    do {
      const body = await line.send(this.#side.request(this.#requests++))
      const doneMs = performance.now()
      latenciesMs.push(doneMs - nowMs)
      this.#requireNew(body)
      nowMs = performance.now()
    } while (nowMs < untilMs)
  }

  #requireNew(body: string): void {
    const { access_token: token = '' } = JSON.parse(body) as { access_token?: string }
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Claims
    const id = claims.uti ?? claims.jti
    if (id === undefined || this.#ids.has(id))
      throw new Error(`Cannot measure, as every token must be a new one: found ${id} again`)
    this.#ids.add(id)
  }
}

interface Claims {
  readonly uti?: string
  readonly jti?: string
}
