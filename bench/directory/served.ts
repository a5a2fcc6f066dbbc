import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:https'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { AppIdentity, certificate } from '@tomte/client'

const PROGRAM = fileURLToPath(new URL('platform-process.ts', import.meta.url))

type Json = Readonly<Record<string, unknown>>

/** A platform that runs in a process of its own, and the means to call its directory. */
export interface Served {
  /** Calls the directory, and resolves with the parsed body. @throws Error for any status of 300 and above. */
  call(method: string, path: string, body?: object): Promise<Json>
  /** Milliseconds of CPU that the platform has had. */
  cpuMs(): Promise<number>
  stop(): Promise<void>
}

interface Ready {
  readonly origin: string
  readonly graphUrl: string
  readonly ca: string
  readonly operator: {
    readonly tenantId: string
    readonly clientId: string
    readonly certificateFile: string
  }
}

/** Starts a platform on a data folder, and on a PostgreSQL if its address is given. */
export async function serve(dataFolder: string, database?: string): Promise<Served> {
  const args = ['--conditions=@tomte/source', '--disable-warning=ExperimentalWarning', PROGRAM, dataFolder]
  const child = spawn(process.execPath, database === undefined ? args : [...args, database], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async () => JSON.parse(String((await lines.next()).value)) as Json
  const ready = (await next()) as unknown as Ready
  const identity = new AppIdentity({
    tenantId: ready.operator.tenantId,
    clientId: ready.operator.clientId,
    credential: certificate({ file: ready.operator.certificateFile }),
    authorityHost: ready.origin,
    ca: ready.ca,
  })
  const { token } = await identity.getToken('https://graph.microsoft.com/.default')
  const agent = new Agent({ ca: ready.ca, keepAlive: true, maxSockets: 4 })
  return {
    call: (method, path, body) => send({ agent, method, url: `${ready.graphUrl}${path}`, token, body }),
    cpuMs: async () => {
      child.stdin.write('\n')
      return Number((await next())['cpuMs'])
    },
    stop: async () => {
      agent.destroy()
      child.stdin.end()
      await once(child, 'exit')
    },
  }
}

interface Sent {
  readonly agent: Agent
  readonly method: string
  readonly url: string
  readonly token: string
  readonly body: object | undefined
}

function send({ agent, method, url, token, body }: Sent): Promise<Json> {
  const headers = {
    authorization: `Bearer ${token}`,
    ...(body ? { 'content-type': 'application/json' } : {}),
  }
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent, method, headers }, (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        if ((incoming.statusCode ?? 500) >= 300)
          reject(new Error(`${method} ${url}: ${incoming.statusCode} ${text}`))
        else resolve(text === '' ? {} : (JSON.parse(text) as Json))
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
