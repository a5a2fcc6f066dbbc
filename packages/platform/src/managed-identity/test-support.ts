// A platform with managed identities, and bare requests to its endpoints as they stand on the wire.
import { readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { parseEnv } from 'node:util'
import { type Answer, type Json, type Sent, World } from '../test-support.ts'
import type { ManagedIdentity, ManagedIdentitySeed } from './identities.ts'
import type { ManagedIdentityHost } from './server.ts'
import type { SourceName } from './sources.ts'

export const GRAPH = 'https://graph.microsoft.com'

/** Starts a platform with these identities. */
export async function startHost(identities: readonly ManagedIdentitySeed[]): Promise<IdentityWorld> {
  const world = await World.start(undefined, { managedIdentity: { port: 0, identities } })
  const host = world.platform.managedIdentity
  if (!host) throw new Error('the endpoints were not started')
  return new IdentityWorld(world, host)
}

export class IdentityWorld {
  readonly world: World
  readonly host: ManagedIdentityHost

  constructor(world: World, host: ManagedIdentityHost) {
    this.world = world
    this.host = host
  }

  identity(name: string): ManagedIdentity {
    const found = this.host.identities.find((identity) => identity.name === name)
    if (!found) throw new Error(`no identity '${name}'`)
    return found
  }

  /** The variables of a source, as an SDK finds them. */
  async environment(source: SourceName): Promise<Readonly<Partial<Record<string, string>>>> {
    return parseEnv(await readFile(this.host.environmentFiles[source], 'utf8'))
  }

  /** Sends one request, exactly as written, a second after the one before, so that none is too many. */
  send(path: string, sent: Sent = {}): Promise<Answer> {
    this.world.clock.ms += 1000
    return sendHttp(this.host.origin, path, sent)
  }

  /** Asks the virtual machine's endpoint, as SDKs do. */
  imds(query: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const all = new URLSearchParams({ 'api-version': '2018-02-01', resource: GRAPH, ...query })
    return this.send(`/metadata/identity/oauth2/token?${all.toString()}`, { headers: { metadata: 'true' } })
  }
}

/** One request over plain HTTP on a connection of its own. */
export function sendHttp(
  origin: string,
  path: string,
  { method = 'GET', headers = {}, body }: Sent = {},
): Promise<Answer> {
  const { port } = new URL(origin)
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: 'localhost', port, path, method, headers, agent: false }, (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        const { statusCode: status = 0, headers: received } = incoming
        resolve({ status, headers: received, text, body: jsonObject(text) })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

function jsonObject(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    return {}
  }
}
